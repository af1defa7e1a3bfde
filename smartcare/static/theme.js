// Runs in <head>, before the first paint, so that the page never flashes in the wrong theme.
(() => {
  const root = document.documentElement;
  let kept = null;
  try { kept = localStorage.getItem("theme"); } catch { /* storage switched off: the system decides */ }
  const wished = new URLSearchParams(location.search).get("theme") || kept;
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  root.dataset.theme = wished === "dark" || wished === "light" ? wished : system;
  root.classList.add("js");
})();
