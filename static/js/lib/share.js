/* Sharing a link. */

import { setText } from "./dom.js";

const SHOWN_MS = 2500;

/** Open the device's share sheet, or copy the link. `button` and `note`, for screen readers, show the outcome for a
moment. */
export async function share(button, note, text, url) {
  try {
    if (navigator.share) return await navigator.share({ title: "Snakepit", text, url });
    await navigator.clipboard.writeText(url);
    showOutcome(button, note, "Link copied");
  } catch (problem) {
    if (problem.name !== "AbortError") showOutcome(button, note, "Copying is forbidden here"); // else it was cancelled
  }
}

function showOutcome(button, note, words) {
  const label = button.dataset.label ??= button.textContent;
  setText(button, words);
  setText(note, words);
  setTimeout(() => {
    setText(button, label);
    setText(note, "");
  }, SHOWN_MS);
}
