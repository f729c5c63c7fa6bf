// Sliders beside the numbers of a form, which works without them.
(() => {
  "use strict";
  for (const field of document.querySelectorAll("input[data-slider]")) {
    const slider = document.createElement("input");
    slider.type = "range";
    slider.min = "0";
    slider.max = field.dataset.slider;
    slider.step = String(Number(field.dataset.slider) / 20);
    slider.value = field.value === "" ? field.placeholder || "1" : field.value;
    slider.setAttribute("aria-label", field.closest("label").querySelector("span").textContent);
    slider.addEventListener("input", () => { field.value = slider.value; });
    field.addEventListener("input", () => { if (field.value !== "") slider.value = field.value; });
    field.before(slider);
  }
  for (const form of document.querySelectorAll("form.ag-decide, form.ag-weigh")) {
    form.addEventListener("submit", () => { // an address with what was asked for and nothing else
      for (const field of form.querySelectorAll("input, select")) field.disabled ||= field.value === "";
    });
  }
  addEventListener("pageshow", () => { // back from the answer
    for (const field of document.querySelectorAll("form :disabled")) field.disabled = false;
  });
})();
