// Gradio takes its address from the request, as a proxy hands that on; the browser knows where the page is.
"use strict";
if (window.gradio_config) window.gradio_config.root = new URL(".", location.href).href.replace(/\/$/, "");
