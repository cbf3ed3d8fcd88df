/** A clock that ticks for the screen: relative times read it and so stay true. */
const TICK_MS = 30_000;

class Clock {
  now = $state(Date.now());

  start(): () => void {
    const timer = setInterval(() => (this.now = Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }
}

export const ticker = new Clock();
