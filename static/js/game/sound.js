/* Sound effects, made by oscillators and noise. Loaded once the player switches sound on. */

import { on } from "../lib/dom.js";
import { onSetting, setting } from "../storage.js";
import { ATE, DIED, NEW_BEST, OVERTOOK } from "./state.js";

const LOUDEST = 0.32; // at a volume of 100

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

let audio = null, out = null;

export function bind() {
  for (const [type, play] of Object.entries(SOUNDS)) on(type, (event) => setting("sound") && isAllowed() && play(event));
  onSetting("volume", setVolume);
}

/** Let the player hear how loud it is. */
export function playSample() {
  if (isAllowed()) SOUNDS[ATE]({ length: 3 });
}

function setVolume(volume) {
  if (out) out.gain.value = LOUDEST * volume / 100;
}

/** Browsers forbid sound before the player's first click or key, and log a warning for each attempt. */
function isAllowed() {
  if (navigator.userActivation && !navigator.userActivation.hasBeenActive) return false;
  if (!audio) {
    audio = new AudioContext();
    out = audio.createGain();
    setVolume(setting("volume"));
    out.connect(audio.destination);
  }
  if (audio.state === "suspended") audio.resume(); // phones suspend it with the page
  return true;
}

/** A tone that glides `from` one pitch `to` another, in Hz; times in seconds, `volume` 0 to 1. */
function tone(type, [from, to], delay, length, volume) {
  const start = audio.currentTime + delay, voice = audio.createOscillator(), gain = audio.createGain();
  voice.type = type;
  voice.frequency.setValueAtTime(from, start);
  voice.frequency.exponentialRampToValueAtTime(to, start + length);
  fade(gain, start, length, volume);
  voice.connect(gain).connect(out);
  voice.start(start);
  voice.stop(start + length);
}

/** A dull thud: low-pass filtered noise. */
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

/** A quick attack and a slow release: without them, a tone clicks. */
function fade({ gain }, start, length, volume) {
  gain.setValueAtTime(0, start);
  gain.linearRampToValueAtTime(volume, start + 0.008);
  gain.exponentialRampToValueAtTime(0.001, start + length);
}
