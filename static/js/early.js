/* Before the first paint, as a classic script since modules run later: the settings that the stylesheets read from
attributes of the root, so that nothing flashes (lib/dom.js follows their changes), and what the player does before the
modules are loaded: it is recorded, and main.js lets it happen again. */
{
  const path = new URL(document.currentScript.src).pathname.replace(/static\/.*/, ""); // as in storage.js
  for (const name of ["theme", "palette", "motion", "pad", "hints"]) {
    try {
      const saved = JSON.parse(localStorage.getItem(path === "/" ? `snakepit.${name}` : `snakepit.${path}.${name}`));
      if (saved !== null) document.documentElement.dataset[name] = saved;
    } catch {
      // storage is forbidden, or this is no JSON
    }
  }

  const MAX_EVENTS = 500; // of a finger that moves all the time while the page loads
  const TYPES = ["keydown", "pointerdown", "pointermove", "pointerup", "pointercancel", "click"];
  const events = [];

  const record = (event) => {
    const isForThePage = event.type !== "click" || event.target.closest?.("button"); // links and choices need no script
    if (isForThePage && events.length < MAX_EVENTS) events.push(event);
  };
  // Or the browser would take a swipe for scrolling, and end it
  const keep = (event) => event.cancelable && event.target.closest?.(".stage") && event.preventDefault();

  for (const type of TYPES) window.addEventListener(type, record, { capture: true });
  window.addEventListener("touchmove", keep, { passive: false });

  window.addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault(); // the settings have the offer, or it would cover the pit
    window.installOffer = event;
  });

  /** Stop recording, and let what was recorded happen again. */
  window.repeatEarly = () => {
    for (const type of TYPES) window.removeEventListener(type, record, { capture: true });
    window.removeEventListener("touchmove", keep);
    for (const event of events) event.target.dispatchEvent(new event.constructor(event.type, event));
  };
}
