import { describe, expect, it } from "vitest";
import { BARS_MAX, loudness, resample, waveform } from "./waveform";

describe("waveform", () => {
  it("has the loudest sample of each part, the loudest of all at 255", () => {
    const samples = new Float32Array([0, 0.1, -0.5, 0.2, 0.25, 0, 0, 0]);
    expect(waveform(samples, 4)).toEqual([51, 255, 128, 0]);
  });
  it("never has more bars than the protocol takes, nor than there are samples", () => {
    expect(waveform(new Float32Array(48_000).fill(0.3))).toHaveLength(BARS_MAX);
    expect(waveform(new Float32Array(3).fill(0.3))).toEqual([255, 255, 255]);
    expect(waveform(new Float32Array(0))).toEqual([]);
  });
  it("does not blow silence up", () => {
    expect(Math.max(...waveform(new Float32Array(1_000).fill(0.0004)))).toBeLessThan(32);
  });
  it("keeps a click at the very end", () => {
    const samples = new Float32Array(1_001);
    samples[1_000] = -1;
    expect(waveform(samples).at(-1)).toBe(255);
  });
});

describe("resample", () => {
  it("keeps the peaks when there are fewer bars, and repeats when there are more", () => {
    expect(resample([1, 9, 2, 3], 2)).toEqual([9, 3]);
    expect(resample([1, 9], 4)).toEqual([1, 1, 9, 9]);
    expect(resample([], 3)).toEqual([0, 0, 0]);
  });
});

describe("loudness", () => {
  it("is between nothing and one", () => {
    expect(loudness(new Float32Array(64))).toBe(0);
    expect(loudness(new Float32Array(64).fill(1))).toBe(1);
    expect(loudness(new Float32Array(64).fill(0.1))).toBeCloseTo(0.4);
  });
});
