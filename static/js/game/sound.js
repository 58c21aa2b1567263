/* A little sound, made on the spot by oscillators and noise. Loaded once the player wants to hear any. */

import { ATE, DIED, NEW_BEST, OVERTOOK } from "./state.js";

const VOLUME = 0.16;
const LATE_MS = 400; // a moment older than this is not worth a sound any more

const SOUNDS = {
  [ATE]: ({ length }) => { // two quick notes, a little higher with every meal
    const pitch = 330 * 2 ** (Math.min(length, 100) / 60);
    tone("triangle", [pitch, pitch * 1.5], 0, 0.09, 0.8);
    tone("triangle", [pitch * 2, pitch * 2], 0.06, 0.08, 0.5);
  },
  [DIED]: () => {
    tone("sawtooth", [190, 48], 0, 0.4, 0.5);
    thud(0.25);
  },
  [NEW_BEST]: () => [523, 659, 784, 1047].forEach((pitch, n) => tone("square", [pitch, pitch], n * 0.08, 0.13, 0.3)),
  [OVERTOOK]: () => [392, 587].forEach((pitch, n) => tone("triangle", [pitch, pitch * 1.02], n * 0.09, 0.16, 0.9)),
};

let audio = null, out = null, heardAt = performance.now();

/** Plays what has happened since the last call. */
export function playMoments(moments, now) {
  for (const moment of moments) {
    if (moment.at <= heardAt) continue;
    heardAt = moment.at;
    if (now - moment.at < LATE_MS && isAllowed()) SOUNDS[moment.what](moment);
  }
}

/** A browser lets nothing be heard before the player's first click or key, and complains about trying. */
function isAllowed() {
  if (navigator.userActivation && !navigator.userActivation.hasBeenActive) return false;
  if (!audio) {
    audio = new AudioContext();
    out = audio.createGain();
    out.gain.value = VOLUME;
    out.connect(audio.destination);
  }
  if (audio.state === "suspended") audio.resume(); // as phones do to a page that was away
  return true;
}

/** A tone that glides `from` one pitch `to` another, in Hz; times in seconds, `loud` 0 to 1. */
function tone(type, [from, to], delay, length, loud) {
  const start = audio.currentTime + delay, voice = audio.createOscillator(), gain = audio.createGain();
  voice.type = type;
  voice.frequency.setValueAtTime(from, start);
  voice.frequency.exponentialRampToValueAtTime(to, start + length);
  fade(gain, start, length, loud);
  voice.connect(gain).connect(out);
  voice.start(start);
  voice.stop(start + length);
}

/** A dull blow: noise without its high part. */
function thud(length) {
  const start = audio.currentTime, noise = audio.createBufferSource(), gain = audio.createGain();
  const low = audio.createBiquadFilter();
  noise.buffer = audio.createBuffer(1, Math.ceil(audio.sampleRate * length), audio.sampleRate);
  const samples = noise.buffer.getChannelData(0);
  for (let n = 0; n < samples.length; n++) samples[n] = 2 * Math.random() - 1;
  low.frequency.value = 420;
  fade(gain, start, length, 1);
  noise.connect(low).connect(gain).connect(out);
  noise.start(start);
}

/** In at once and out softly: without it, a tone clicks. */
function fade({ gain }, start, length, loud) {
  gain.setValueAtTime(0, start);
  gain.linearRampToValueAtTime(loud, start + 0.008);
  gain.exponentialRampToValueAtTime(0.001, start + length);
}
