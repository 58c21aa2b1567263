/* Dialogs. */

/** Close a dialog by a click beside it. */
export function closeBeside(dialog) {
  dialog.addEventListener("mousedown", ({ target, clientX, clientY }) => {
    const { left, right, top, bottom } = dialog.getBoundingClientRect();
    const isBeside = clientX < left || clientX > right || clientY < top || clientY > bottom;
    if (target === dialog && isBeside) dialog.close(); // the target is the dialog in its padding, too
  });
}
