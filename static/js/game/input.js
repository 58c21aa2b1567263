/* What the player does with keys and fingers, and what it means. Each function answers its unbind. */

const TURNS = {
  ArrowUp: "U", ArrowRight: "R", ArrowDown: "D", ArrowLeft: "L",
  KeyW: "U", KeyD: "R", KeyS: "D", KeyA: "L", // by place on the keyboard, whatever letters it bears
};

const SWIPE_PX = 22; // long enough not to be a tap, short enough to turn before the finger is done

/** Keys: `turn` takes a heading and says whether it had a use for it; `toggle` pauses or goes on; `go` starts; `press` is
asked before them, and says whether the key was one of its own. */
export function bindKeys({ turn, toggle, go, press }) {
  return bind(window, {
    keydown(event) {
      if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
      if (press(event)) return event.preventDefault();
      const heading = TURNS[event.code];
      if (heading) {
        if (!isTyping(event) && turn(heading)) event.preventDefault(); // or the page would scroll
        return;
      }
      const act = { " ": toggle, p: toggle, P: toggle, Escape: toggle, Enter: go }[event.key];
      if (!act || event.repeat || isTyping(event)) return;
      if (["Enter", " "].includes(event.key) && isControl(event)) return; // which has its own use for them
      if (act()) event.preventDefault();
    },
  });
}

/** Fingers on `surface`: each stretch of SWIPE_PX is a turn, so that one stroke may turn twice; a tap is a `tap`. */
export function bindSwipes(surface, { turn, tap }) {
  let from = null;
  return bind(surface, {
    pointerdown(event) {
      if (event.isPrimary) from = { x: event.clientX, y: event.clientY, isTap: !isControl(event) };
    },
    pointermove(event) {
      if (!from || !event.isPrimary || event.pointerType === "mouse") return;
      const heading = direction(event.clientX - from.x, event.clientY - from.y);
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
      // Or the browser takes the stroke for a fling, and a tap soon after for the end of it, which clicks nothing.
      if (from && !from.isTap && event.cancelable) event.preventDefault();
    },
  });
}

/** The buttons of an on-screen pad: a finger turns as it comes down, a key or a voice when it clicks. */
export function bindPad(pad, { turn }) {
  const act = ({ target }) => {
    const heading = target.closest("[data-heading]")?.dataset.heading;
    if (heading) turn(heading);
  };
  return bind(pad, {
    pointerdown(event) {
      event.stopPropagation(); // it is no swipe
      act(event);
    },
    click: (event) => event.detail === 0 && act(event),
    contextmenu: (event) => event.preventDefault(), // a finger that rests is no question
  });
}

/** Calls `away` when the player looks elsewhere, and `part` when the page may not come back. */
export function bindAbsence({ away, part }) {
  const unbind = [
    bind(window, { blur: away, pagehide: part }),
    bind(document, { visibilitychange: () => document.hidden && away() }),
  ];
  return () => unbind.forEach((undo) => undo());
}

function direction(x, y) {
  if (Math.max(Math.abs(x), Math.abs(y)) < SWIPE_PX) return null;
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
  return () => {
    for (const [name, handler] of Object.entries(handlers)) target.removeEventListener(name, handler);
  };
}
