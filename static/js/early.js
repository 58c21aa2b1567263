/* Before the first paint: the settings that the stylesheets read from attributes of the root, so that nothing flashes.
lib/dom.js follows their changes. A classic script, since modules run later. */
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
}
