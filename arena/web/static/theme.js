// The theme: the system's until the visitor chooses, then .light or .dark on <html> and <body>, remembered here.
(() => {
  "use strict";
  const KEY = "agon-theme";
  const stored = () => {
    try {
      const theme = localStorage.getItem(KEY);
      return theme === "light" || theme === "dark" ? theme : null;
    } catch {
      return null; // storage refused: the choice lasts as long as the page
    }
  };
  const system = () => (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  let chosen = stored();

  const apply = () => {
    const theme = chosen ?? system();
    const other = theme === "dark" ? "light" : "dark";
    for (const list of [document.documentElement.classList, document.body?.classList]) {
      if (!list || (list.contains(theme) && !list.contains(other))) continue; // or the observer would never rest
      list.remove(other);
      list.add(theme);
    }
    for (const button of document.querySelectorAll("[data-ag-theme]")) {
      button.setAttribute("aria-label", theme === "dark" ? agonText("Use the light theme") : agonText("Use the dark theme"));
    }
  };

  const announce = () => document.dispatchEvent(new CustomEvent("ag-theme", { detail: chosen ?? system() }));

  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("[data-ag-theme]")) return;
    chosen = (chosen ?? system()) === "dark" ? "light" : "dark";
    try {
      localStorage.setItem(KEY, chosen);
    } catch {
      // as above
    }
    apply();
    announce();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    if (!chosen) {
      apply();
      announce();
    }
  });
  addEventListener("storage", (event) => {
    if (event.key !== KEY) return;
    chosen = stored();
    apply();
    announce();
  });

  apply(); // before anything is drawn
  document.addEventListener("DOMContentLoaded", () => {
    apply();
    // Gradio sets .dark on <body> by the system's setting when it mounts.
    new MutationObserver(apply).observe(document.body, { attributeFilter: ["class"] });
  });
})();
