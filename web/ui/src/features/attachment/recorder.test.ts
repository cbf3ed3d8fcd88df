import { expect, test } from "vitest";
import { problemOf } from "./recorder.svelte";

test("what the browser says about the microphone becomes a reason", () => {
  const why = (name: string): string => problemOf(new DOMException("", name));
  expect(why("NotAllowedError")).toBe("refused");
  expect(why("NotFoundError")).toBe("no_microphone");
  expect(why("NotReadableError")).toBe("busy");
  // There is no `mediaDevices` on a page that is not secure.
  expect(problemOf(new TypeError("navigator.mediaDevices is undefined"))).toBe("unsupported");
});
