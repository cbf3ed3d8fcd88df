/** The shape of a sound, as the few bars that are drawn. */

/** Bars in a message; the protocol takes no more. */
export const BARS_MAX = 64;
/** Quieter than this (of 1) everywhere is silence: noise is not blown up to full height. */
const SILENCE = 0.004;

/** The loudest sample of each of `count` equal parts, with the loudest of all at 255. */
export function waveform(samples: Float32Array, count = BARS_MAX): number[] {
  const parts = Math.min(count, samples.length);
  const peaks: number[] = [];
  for (let part = 0; part < parts; part += 1) {
    const end = Math.floor(((part + 1) * samples.length) / parts);
    let peak = 0;
    for (let at = Math.floor((part * samples.length) / parts); at < end; at += 1) {
      peak = Math.max(peak, Math.abs(samples[at] ?? 0));
    }
    peaks.push(peak);
  }
  const loudest = Math.max(...peaks, SILENCE);
  return peaks.map((peak) => Math.min(255, Math.round((peak / loudest) * 255)));
}

/** `bars` as `count` of them, for a place that has room for another number; each takes the loudest it stands for. */
export function resample(bars: readonly number[], count: number): number[] {
  if (bars.length === 0) return new Array<number>(count).fill(0);
  return Array.from({ length: count }, (_, at) => {
    const from = Math.floor((at * bars.length) / count);
    const to = Math.max(from + 1, Math.floor(((at + 1) * bars.length) / count));
    return Math.max(...bars.slice(from, to));
  });
}

/** How loud a moment is, 0 to 1: the mean of the squares, opened up so that speech fills the height. */
export function loudness(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return Math.min(1, Math.sqrt(sum / Math.max(1, samples.length)) * 4);
}
