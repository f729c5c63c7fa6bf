// A page that waits for what is being computed asks again after data-again seconds; without scripts a <noscript> does.
"use strict";
setInterval(
  () => document.activeElement.closest("form") || location.reload(), // not under the hands of who fills one in
  1000 * Number(document.querySelector("script[data-again]").dataset.again),
);
