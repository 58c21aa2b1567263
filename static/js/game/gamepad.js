/* A gamepad in the standard layout: the cross or the left stick turns, A and Start play and pause. Loaded when a gamepad
is connected; it has to be polled with each frame. */

import { direction, isDialogOpen } from "./input.js";

const CROSS = { 12: "U", 13: "D", 14: "L", 15: "R" };
const GO = [0, 9]; // A, Start
const DEAD_ZONE = 0.5;

let heading = null, went = false; // at the last poll: a button held down acts once

/** `turn` takes a heading; `go` plays, pauses or continues. */
export function poll({ turn, go }) {
  const isOurs = document.hasFocus() && !isDialogOpen();
  const pads = isOurs ? navigator.getGamepads().filter(Boolean) : [];
  const nowHeading = pads.map(headingOf).find(Boolean) ?? null;
  const nowGo = pads.some(({ buttons }) => GO.some((n) => buttons[n]?.pressed));
  if (nowHeading && nowHeading !== heading) turn(nowHeading);
  if (nowGo && !went) go();
  heading = nowHeading;
  went = nowGo;
}

function headingOf({ buttons, axes: [x = 0, y = 0] }) {
  const pressed = Object.keys(CROSS).find((n) => buttons[n]?.pressed);
  return pressed ? CROSS[pressed] : direction(x, y, DEAD_ZONE);
}
