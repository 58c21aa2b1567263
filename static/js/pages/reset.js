/* A new password, by a link that the operator has made. Its token stands behind the # so that no server's log has it. */

import * as api from "../api.js";
import { bindForm, bindReveals, clear } from "../lib/forms.js";

const form = document.getElementById("reset-form");

let token = null;

/** May come again for the same page, when somebody else is signed in: what is typed so far stays. */
export function open(query, given) {
  if (given !== token) clear(form);
  token = given;
}

/** The link is of no more use, and is not what one comes back to. */
function leave() {
  clear(form);
  location.replace("#/");
}

bindForm(form, ({ password }) => api.resetPassword(token, password), leave);
bindReveals(form);
