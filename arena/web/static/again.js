// A page that waits for what is being computed asks again after data-again seconds; without scripts a <noscript> does.
"use strict";
setTimeout(() => location.reload(), 1000 * Number(document.querySelector("script[data-again]").dataset.again));
