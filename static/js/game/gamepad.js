/* A gamepad, by the standard layout: the cross or the left stick turns, A and Start play and pause. Loaded once one is
plugged in; it has to be asked with each frame. */

const CROSS = { 12: "U", 13: "D", 14: "L", 15: "R" };
const GO = [0, 9]; // A, Start
const DEAD = 0.5; // how far the stick has to lean to mean it

let heading = null, went = false; // as of the last poll: what is held down acts once

/** `turn` takes a heading; `go` plays, pauses or goes on. */
export function poll({ turn, go }) {
  const pads = navigator.getGamepads().filter(Boolean);
  const nowHeading = first(pads, headingOf), nowGo = pads.some(({ buttons }) => GO.some((n) => buttons[n]?.pressed));
  if (nowHeading && nowHeading !== heading) turn(nowHeading);
  if (nowGo && !went) go();
  heading = nowHeading;
  went = nowGo;
}

function first(pads, ask) {
  for (const pad of pads) {
    const answer = ask(pad);
    if (answer) return answer;
  }
  return null;
}

function headingOf({ buttons, axes: [x = 0, y = 0] }) {
  const pressed = Object.keys(CROSS).find((n) => buttons[n]?.pressed);
  if (pressed) return CROSS[pressed];
  if (Math.max(Math.abs(x), Math.abs(y)) < DEAD) return null;
  if (Math.abs(x) > Math.abs(y)) return x > 0 ? "R" : "L";
  return y > 0 ? "D" : "U";
}
