/// <reference types="vitest/config" />
import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** The node that `npm run dev` talks to; a running node prints its address. */
const node = process.env["HUTONG_NODE"] ?? "http://127.0.0.1:8480";

export default defineConfig({
  plugins: [svelte()],
  resolve: { alias: { $lib: here("./src/lib"), $features: here("./src/features") } },
  build: {
    target: "es2022",
    // The node's content security policy allows neither inline styles nor `data:` scripts or fonts.
    assetsInlineLimit: 0,
    reportCompressedSize: true,
  },
  server: {
    proxy: {
      "/api": {
        target: node,
        ws: true,
        changeOrigin: true,
        // The node refuses foreign origins, so the proxy speaks with the node's own.
        headers: { origin: node },
      },
    },
  },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
