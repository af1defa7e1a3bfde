// Progressive enhancement only: every page is complete without this file.
(() => {
  const root = document.documentElement;
  const find = (selector, from = document) => from.querySelector(selector);
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];

  function switchTheme() {
    root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
    try { localStorage.setItem("theme", root.dataset.theme); } catch { /* kept for this page only */ }
    document.dispatchEvent(new Event("themechange"));
  }

  async function copy(button) {
    const source = find("code", button.closest(".code"));
    const label = find("[data-label]", button);
    try {
      await navigator.clipboard.writeText(source.textContent);
      label.textContent = button.dataset.copied;
    } catch { // no permission, or plain http: mark the text, so that Ctrl-C does it
      getSelection().selectAllChildren(source);
    }
  }

  document.addEventListener("click", (event) => {
    const target = event.target.closest("[data-theme-toggle],[data-copy],[data-print]");
    if (target?.matches("[data-theme-toggle]")) switchTheme();
    else if (target?.matches("[data-copy]")) copy(target);
    else if (target?.matches("[data-print]")) print();
    all("details.menu[open]").filter((menu) => !menu.contains(event.target)).forEach((menu) => { menu.open = false; });
  });

  // Keys. `g` opens a two-key sequence; rows are marked by j and k and acted on by Enter (a link), e and s.
  let waitsForSecondKey = false;

  const KEPT = "row"; // number of the row acted on: the page comes back, and work goes on there

  function markRow(number) {
    const rows = all("[data-row]");
    if (!rows.length) return;
    const next = rows[Math.max(0, Math.min(rows.length - 1, number))];
    rows.forEach((row) => row.classList.toggle("sel", row === next));
    find("a", next)?.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  }

  const marked = () => all("[data-row]").findIndex((row) => row.classList.contains("sel"));
  const selectRow = (step) => markRow(marked() + step);

  function act(name) {
    const button = find(`[data-row].sel [data-act=${name}]`);
    if (!button) return;
    try { sessionStorage.setItem(KEPT, marked()); } catch { /* the mark starts at the top again */ }
    button.click();
  }

  function goOn() {
    try {
      const number = sessionStorage.getItem(KEPT);
      sessionStorage.removeItem(KEPT);
      if (number !== null) markRow(Number(number));
    } catch { /* storage is switched off */ }
  }
  goOn();
  addEventListener("hashchange", () => { if (location.hash === "#first") markRow(0); });
  const keys = {
    "/": () => find("[data-search]")?.focus(),
    "?": () => find("[data-shortcuts]")?.click(),
    j: () => selectRow(1),
    k: () => selectRow(-1),
    e: () => act("take"),
    s: () => act("snooze"),
    g: () => { waitsForSecondKey = true; },
  };

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      const menu = find("details.menu[open]");
      if (menu) { menu.open = false; find("summary", menu).focus(); }
      return;
    }
    const typing = event.target.closest?.("input,textarea,select,[contenteditable]");
    if (typing || event.metaKey || event.ctrlKey || event.altKey || document.body.dataset.keys === "off") return;
    if (waitsForSecondKey) {
      waitsForSecondKey = false;
      const link = all("[data-go]").find((item) => item.dataset.go === event.key);
      if (link) link.click();
      return;
    }
    if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
  });

  // A box that means something together with another one alone is off and cleared without it; the server checks too.
  const together = () => all("[data-with]").forEach((box) => {
    box.disabled = !find(box.dataset.with, box.form)?.checked;
    if (box.disabled) box.checked = false;
  });
  together();
  document.addEventListener("change", together);

  // A form that came back with errors: the summary is where reading goes on.
  find("[data-error-summary]")?.focus();

  // Fresh data: nothing is asked for while nobody looks, and the label says so.
  let updatedAt = Date.now();
  const sayHowFresh = () => all("[data-live]").forEach((label) => {
    const seconds = Math.round((Date.now() - updatedAt) / 1000);
    const words = document.hidden ? label.dataset.paused : label.dataset.updated.replace("{n}", seconds);
    find("[data-label]", label).textContent = words;
  });
  if (find("[data-live]")) {
    setInterval(sayHowFresh, 1000);
    document.addEventListener("visibilitychange", sayHowFresh);
  }
  document.addEventListener("htmx:afterSwap", () => { updatedAt = Date.now(); });
  document.addEventListener("htmx:beforeRequest", (event) => {
    const polls = event.detail.elt.getAttribute("hx-trigger")?.includes("every");
    if (polls && document.hidden) event.preventDefault();
  });

  // A running permission counts down; when it is over, the server says what is true now.
  all("[data-until]").forEach((clock) => {
    const until = Date.parse(clock.dataset.until);
    const two = (number) => String(number).padStart(2, "0");
    const tick = () => {
      const left = Math.max(0, Math.round((until - Date.now()) / 1000));
      clock.textContent = `${Math.floor(left / 3600)}:${two(Math.floor(left / 60) % 60)}:${two(left % 60)}`;
      if (left === 0) clearInterval(timer);
    };
    const timer = setInterval(tick, 1000);
    tick();
  });
})();
