/* A new password, by a link that the operator made. Its token is in the fragment, which no server logs. */

import { byId } from "../lib/dom.js";
import { bindForm, clear } from "../lib/forms.js";
import { resetPassword } from "./account-calls.js";

const form = byId("reset-form");

let token = null;

/** Also called when the session changes: then the form keeps what was typed. */
export function open(query, given) {
  document.querySelector("#view-reset .notice").replaceChildren();
  if (given !== token) clear(form);
  token = given;
}

/** Replace the address: the link works once. */
function leave() {
  clear(form);
  location.replace("#/");
}

bindForm(form, ({ password }) => resetPassword(token, password), leave);
