/* Keys, swipes and the pad. */

const TURNS = {
  ArrowUp: "U", ArrowRight: "R", ArrowDown: "D", ArrowLeft: "L",
  KeyW: "U", KeyD: "R", KeyS: "D", KeyA: "L", // by place on the keyboard, whatever letters it bears
  Numpad8: "U", Numpad6: "R", Numpad2: "D", Numpad4: "L",
};

const SWIPE_PX = 22; // longer than a tap, short enough to turn before the finger is done
const STILL_PX = 8; // a finger that moves less rests
const TAP_MS = 500; // a finger that is down for longer rests, too

let ringed = document.querySelector(":focus-visible"); // the element that was focused by keyboard, and not clicked since

/** `turn` takes a heading and whether the key was pressed rather than held down; `space` and `go` (Enter) start and
continue, `toggle` pauses or continues, and `press` is tried before them. Each returns whether it had a use for the key. */
export function bindKeys({ turn, space, toggle, go, press }) {
  bind(window, {
    keydown(event) {
      if (event.ctrlKey || event.metaKey || event.altKey || isDialogOpen()) return;
      if (press(event)) return use(event);
      if (isTyping(event)) return;
      const heading = headingOf(event), name = nameOf(event), isRepeated = event.repeat;
      if (heading) {
        const isChoice = name.startsWith("Arrow") && event.target.type === "radio" && isFocusedByKey(event.target);
        if (!isChoice && turn(heading, !isRepeated)) use(event); // or the page would scroll
        return;
      }
      const act = { " ": space, P: toggle, Escape: toggle, Enter: go }[name];
      if (!act || isRepeated) return;
      const isPress = name === " " || name === "Enter";
      if (isPress && isControl(event) && isFocusedByKey(event.target)) return; // it uses them itself
      if (act()) use(event);
    },
    focusin: ({ target }) => (ringed = target.matches?.(":focus-visible") ? target : null),
  });
  window.addEventListener("pointerdown", () => (ringed = null), { capture: true });
}

/** Swipes anywhere on the page while the game's `view` is on it, by any finger, though others rest: each SWIPE_PX of a
stroke is a turn, so that one stroke may turn twice. `turn` takes a heading and whether it is the only finger; `tap` the
event that began a tap. */
export function bindSwipes(view, { turn, tap }) {
  const strokes = new Map(); // by pointer: {x, y} of the last turn, the event it began with, and what has become of it
  bind(window, {
    pointerdown(event) {
      if (event.button !== 0 || view.hidden || isDialogOpen()) return;
      const { pointerId, clientX: x, clientY: y } = event;
      strokes.set(pointerId, { x, y, began: event, hasMoved: false, hasTurned: false });
    },
    pointermove({ pointerId, pointerType, clientX: x, clientY: y }) {
      const stroke = strokes.get(pointerId);
      if (!stroke || pointerType === "mouse") return;
      const way = [x - stroke.x, y - stroke.y], heading = direction(...way, SWIPE_PX);
      stroke.hasMoved ||= direction(...way, STILL_PX) !== null;
      if (!heading) return;
      turn(heading, strokes.size === 1);
      Object.assign(stroke, { x, y, hasTurned: true });
    },
    pointerup({ pointerId, timeStamp }) {
      const stroke = strokes.get(pointerId);
      strokes.delete(pointerId);
      if (!stroke || stroke.hasTurned || isControl(stroke.began)) return;
      if (timeStamp - stroke.began.timeStamp < TAP_MS) tap(stroke.began);
    },
    pointercancel: ({ pointerId }) => strokes.delete(pointerId),
  });
  const keep = (event) => {
    const isSwipe = ({ hasMoved, hasTurned }) => hasTurned || (hasMoved && event.touches.length === 1 && !canScroll());
    if (event.cancelable && Array.from(strokes.values()).some(isSwipe)) event.preventDefault();
  };
  // Or the browser would scroll, or see a fling, and a tap soon after would only end it instead of clicking
  view.addEventListener("touchmove", keep, { passive: false });
}

/** The on-screen pad: a finger turns as it comes down, a key or a voice when it clicks. */
export function bindPad(pad, { turn }) {
  const act = ({ target }) => {
    const heading = target.closest("[data-heading]")?.dataset.heading;
    if (heading) turn(heading);
  };
  bind(pad, {
    pointerdown(event) {
      event.stopPropagation(); // not a swipe
      act(event);
    },
    click: (event) => event.detail === 0 && act(event),
    contextmenu: (event) => event.preventDefault(), // a long press opens no menu
  });
}

/** The heading of a movement; null below a minimal length. */
export function direction(x, y, least) {
  if (Math.max(Math.abs(x), Math.abs(y)) < least) return null;
  if (Math.abs(x) > Math.abs(y)) return x > 0 ? "R" : "L";
  return y > 0 ? "D" : "U";
}

/** The name of a key; of a letter the one in upper case that the key bears, or in other scripts the one at its place. */
export function nameOf({ key = "", code = "" }) {
  if (/^[!-~]$/.test(key)) return key.toUpperCase();
  return /^Key[A-Z]$/.test(code) ? code.at(-1) : key;
}

/** Whether Space and Enter are this element's: not if it was only the last one clicked. */
export function isFocusedByKey(element) {
  return element === ringed;
}

export function isDialogOpen() {
  return Boolean(document.querySelector("dialog[open]"));
}

/** By the key's place, or by its name: some keyboards on screens send no code. */
function headingOf(event) {
  const { code, key } = event, hasCode = code && code !== "Unidentified";
  return TURNS[code] ?? TURNS[key] ?? (hasCode ? undefined : TURNS[`Key${nameOf(event)}`]);
}

/** The game has used the key: the page must not, nor the button last clicked when the key comes up. */
function use(event) {
  event.preventDefault();
  if (event.key === " " && event.target.closest?.("button, summary")) event.target.blur();
}

function isTyping({ target }) {
  return Boolean(target.closest?.("input:not([type=radio]), textarea, select"));
}

function isControl({ target }) {
  return Boolean(target.closest?.("button, a, input, label, summary"));
}

/** Whether a finger is needed to see the rest of the page. */
function canScroll() {
  return document.documentElement.scrollHeight > innerHeight + 1 || window.visualViewport?.scale > 1;
}

function bind(target, handlers) {
  for (const [name, handler] of Object.entries(handlers)) target.addEventListener(name, handler);
}
