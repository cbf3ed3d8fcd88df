/** Records a voice note with the microphone. */
import { waveform, loudness } from "./waveform";

export interface VoiceNote {
  file: File;
  duration_ms: number;
  waveform: number[];
}

export type RecorderProblem = "refused" | "no_microphone" | "busy" | "unsupported" | "nothing_heard";

/** The longest note, in ms. A talk is better a file. */
export const VOICE_MAX_MS = 15 * 60_000;
/** Shorter ones are a slip of the finger, in ms. */
const VOICE_MIN_MS = 500;
/** How often the level is measured, in ms: as fast as bars can be told apart. */
const LEVEL_MS = 80;
/** Levels that are kept to be drawn. */
const LEVELS_MAX = 48;
/** Enough for speech; the samples only make the waveform. */
const SAMPLE_RATE = 8_000;
/** Opus where there is a choice: it is made for speech. */
const TYPES = ["audio/webm;codecs=opus", "audio/ogg;codecs=opus", "audio/mp4"];

/** Why the microphone cannot be used, from what the browser says. */
export function problemOf(error: unknown): RecorderProblem {
  const name = error instanceof Error || error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") return "refused";
  if (name === "NotFoundError" || name === "OverconstrainedError") return "no_microphone";
  return name === "NotReadableError" || name === "AbortError" ? "busy" : "unsupported";
}

export class Recorder {
  state = $state<"idle" | "asking" | "recording">("idle");
  ms = $state(0);
  /** The newest levels, 0 to 1, oldest first. */
  levels = $state.raw<number[]>([]);

  readonly #onproblem: (problem: RecorderProblem) => void;
  readonly #onlimit: () => void;
  #media: MediaRecorder | null = null;
  #sound: AudioContext | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;
  #parts: Blob[] = [];
  #began = 0;
  #wanted = false;

  /** `onlimit`: it has become as long as a note may be. */
  constructor(onproblem: (problem: RecorderProblem) => void, onlimit: () => void) {
    this.#onproblem = onproblem;
    this.#onlimit = onlimit;
  }

  async start(): Promise<void> {
    if (this.state !== "idle") return;
    this.state = "asking";
    this.#wanted = true;
    this.ms = 0;
    this.levels = [];
    let stream: MediaStream | undefined;
    try {
      stream = await navigator.mediaDevices.getUserMedia({
        audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
      });
      // Called off while the browser asked.
      if (!this.#wanted) return this.#end(stream);
      this.#record(stream);
    } catch (error) {
      this.#end(stream);
      this.#onproblem(problemOf(error));
    }
  }

  #record(stream: MediaStream): void {
    const mimeType = TYPES.find((type) => MediaRecorder.isTypeSupported(type));
    const media = new MediaRecorder(stream, mimeType ? { mimeType, audioBitsPerSecond: 32_000 } : {});
    this.#media = media;
    this.#parts = [];
    media.ondataavailable = ({ data }) => this.#parts.push(data);
    const sound = new AudioContext();
    this.#sound = sound;
    const analyser = sound.createAnalyser();
    analyser.fftSize = 2048;
    sound.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    media.start();
    this.#began = performance.now();
    this.state = "recording";
    this.#timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      this.levels = [...this.levels, loudness(samples)].slice(-LEVELS_MAX);
      this.ms = performance.now() - this.#began;
      if (this.ms >= VOICE_MAX_MS) this.#onlimit();
    }, LEVEL_MS);
  }

  /** Throws away what was recorded. */
  cancel(): void {
    this.#wanted = false;
    if (this.#media) {
      this.#media.ondataavailable = null;
      this.#end(this.#media.stream);
    }
  }

  /** Ends it; null if it was too short to be meant, or nothing could be made of it. */
  async finish(): Promise<VoiceNote | null> {
    const media = this.#media;
    if (!media || this.state !== "recording") {
      this.cancel();
      return null;
    }
    const length = performance.now() - this.#began;
    const stopped = new Promise((done) => media.addEventListener("stop", done, { once: true }));
    media.stop();
    await stopped;
    this.#end(media.stream);
    const type = (media.mimeType || "audio/webm").split(";")[0] ?? "audio/webm";
    const bytes = new Blob(this.#parts, { type });
    this.#parts = [];
    if (length < VOICE_MIN_MS || bytes.size === 0) return null;
    const { bars, duration_ms } = await shape(bytes, length);
    const file = new File([bytes], `voice.${type.split("/")[1]}`, { type });
    return { file, duration_ms, waveform: bars };
  }

  #end(stream: MediaStream | undefined): void {
    clearInterval(this.#timer);
    if (this.#media && this.#media.state !== "inactive") this.#media.stop();
    for (const track of stream?.getTracks() ?? []) track.stop();
    void this.#sound?.close();
    this.#sound = null;
    this.#media = null;
    this.state = "idle";
  }
}

/** Bars and exact length from the samples; where the browser cannot decode its own recording, by the clock alone. */
async function shape(bytes: Blob, length: number): Promise<{ bars: number[]; duration_ms: number }> {
  try {
    const decoder = new OfflineAudioContext(1, 1, SAMPLE_RATE);
    const sound = await decoder.decodeAudioData(await bytes.arrayBuffer());
    return { bars: waveform(sound.getChannelData(0)), duration_ms: Math.round(sound.duration * 1000) };
  } catch {
    return { bars: [], duration_ms: Math.round(length) };
  }
}
