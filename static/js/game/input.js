/* Keys, swipes and the pad. */

const TURNS = {
  ArrowUp: "U", ArrowRight: "R", ArrowDown: "D", ArrowLeft: "L",
  KeyW: "U", KeyD: "R", KeyS: "D", KeyA: "L", // by place on the keyboard, whatever letters it bears
  Numpad8: "U", Numpad6: "R", Numpad2: "D", Numpad4: "L",
};

const SWIPE_PX = 22; // longer than a tap, short enough to turn before the finger is done

/** `turn` takes a heading, `toggle` pauses or continues, `go` starts, and `press` is tried before them. Each returns
whether it had a use for the key. */
export function bindKeys({ turn, toggle, go, press }) {
  bind(window, {
    keydown(event) {
      if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
      if (press(event)) return event.preventDefault();
      const heading = TURNS[event.code] ?? TURNS[event.key]; // some keyboards on screens send no code
      if (heading) {
        if (!isTyping(event) && turn(heading)) event.preventDefault(); // or the page would scroll
        return;
      }
      const acts = { " ": toggle, p: toggle, P: toggle, KeyP: toggle, Escape: toggle, Enter: go };
      const act = acts[event.key] ?? acts[event.code]; // the letter, or its place in other scripts
      if (!act || event.repeat || isTyping(event)) return;
      if (["Enter", " "].includes(event.key) && isControl(event)) return; // which uses them itself
      if (act()) event.preventDefault();
    },
  });
}

/** Swipes on `surface`: each SWIPE_PX of a stroke is a turn, so that one stroke may turn twice. */
export function bindSwipes(surface, { turn, tap }) {
  let from = null;
  bind(surface, {
    pointerdown(event) {
      if (event.isPrimary) from = { x: event.clientX, y: event.clientY, isTap: !isControl(event) };
    },
    pointermove(event) {
      if (!from || !event.isPrimary || event.pointerType === "mouse") return;
      const heading = direction(event.clientX - from.x, event.clientY - from.y, SWIPE_PX);
      if (!heading) return;
      turn(heading);
      from = { x: event.clientX, y: event.clientY, isTap: false };
    },
    pointerup() {
      if (from?.isTap) tap();
      from = null;
    },
    pointercancel() {
      from = null;
    },
    touchmove(event) {
      // Or the browser sees a fling, and a tap soon after only ends it instead of clicking.
      if (from && !from.isTap && event.cancelable) event.preventDefault();
    },
  });
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

function isTyping({ target }) {
  return Boolean(target.closest?.("input:not([type=radio]), textarea, select"));
}

function isControl({ target }) {
  return Boolean(target.closest?.("button, a, input, label, summary"));
}

function bind(target, handlers) {
  for (const [name, handler] of Object.entries(handlers)) target.addEventListener(name, handler);
}
