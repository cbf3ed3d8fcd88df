/** One sound at a time, at the speed that was chosen last. */

/** What a tap on the speed goes through. */
export const RATES = [1, 1.5, 2] as const;

class Playing {
  rate = $state<number>(1);
  #audio: HTMLMediaElement | null = null;

  /** Stops the one before. */
  begins(audio: HTMLMediaElement): void {
    if (this.#audio !== audio) this.#audio?.pause();
    this.#audio = audio;
  }

  /** The next speed. */
  faster(): void {
    this.rate = RATES[(RATES.indexOf(this.rate as 1) + 1) % RATES.length] ?? 1;
  }
}

export const playing = new Playing();
