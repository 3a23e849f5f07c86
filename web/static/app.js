// The bell lives on the WebSocket, with polling while there is none; the rest of the
// pages works without this file.
"use strict";
(() => {
  const body = document.body;
  const find = (query) => document.querySelector(query);
  const token = find('meta[name="csrf-token"]').content;
  const title = document.title;

  document.addEventListener("htmx:configRequest", (event) => {
    event.detail.headers["X-CSRFToken"] = token;
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    // Problems come as a part of the page too.
    if (event.detail.xhr.status >= 400) event.detail.shouldSwap = true;
  });
  document.addEventListener("submit", (event) => {
    const question = event.target.dataset.confirm;
    if (question && !confirm(question)) event.preventDefault();
  });

  document.addEventListener("click", async (event) => {
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      const field = find(copy.dataset.copy);
      field.select();
      try { await navigator.clipboard.writeText(field.value); } catch { document.execCommand("copy"); }
      copy.querySelector("span").textContent = "Copied";
    }
    if (event.target.closest("[data-theme-toggle]")) {
      const next = document.documentElement.dataset.bsTheme === "dark" ? "light" : "dark";
      localStorage.setItem("theme", next);
      document.documentElement.dataset.bsTheme = next;
    }
    if (event.target.closest("[data-add-line]")) {
      const rows = find(".lines-form tbody");
      const row = rows.lastElementChild.cloneNode(true);
      for (const input of row.querySelectorAll("input")) {
        input.value = "";
        input.setAttribute("aria-label", input.getAttribute("aria-label").replace(/\d+$/, rows.children.length + 1));
      }
      rows.append(row);
      row.querySelector("input").focus();
    }
    const toggle = event.target.closest(".menu-toggle");
    const menu = find("#menu");
    if (menu && (toggle || !event.target.closest("#menu"))) {
      const open = Boolean(toggle) && !menu.classList.contains("open");
      menu.classList.toggle("open", open);
      find(".menu-toggle").setAttribute("aria-expanded", String(open));
      if (open) menu.querySelector("a").focus();
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && find("#menu.open")) find(".menu-toggle").click();
  });

  if (!("signedIn" in body.dataset)) return;

  const badge = find("[data-unread-badge]");
  const words = find("[data-unread-words]");
  const toasts = find("[data-toasts]");
  const items = find("[data-bell-items]");
  const dropdown = items.closest(".dropdown");
  let last = null; // id of the newest notification this page knows

  function count(unread) {
    badge.hidden = unread === 0;
    badge.textContent = unread > 99 ? "99+" : String(unread);
    words.textContent = `${unread} unread`;
    document.title = unread ? `(${unread}) ${title}` : title;
  }

  function refresh() {
    if (items.offsetParent) htmx.trigger(items, "refresh-bell");
  }

  function toast(note) {
    const box = document.createElement("div");
    box.className = "toast-note";
    const link = document.createElement("a");
    link.href = `/notifications/${note.id}`;
    link.textContent = note.title;
    const text = document.createElement("p");
    text.textContent = note.body;
    const close = document.createElement("button");
    close.type = "button";
    close.className = "btn-close";
    close.setAttribute("aria-label", "Close");
    close.addEventListener("click", () => box.remove());
    box.append(link, close, text);
    toasts.append(box);
    while (toasts.children.length > 3) toasts.firstElementChild.remove();
    setTimeout(() => box.remove(), 12000);
  }

  function told(note) {
    if (last !== null && note.id <= last) return;
    last = note.id;
    toast(note);
    refresh();
  }

  count(Number(body.dataset.unread));
  dropdown.addEventListener("shown.bs.dropdown", () => htmx.trigger(items, "refresh-bell"));

  // The line: a WebSocket, tried again ever more slowly; meanwhile the page polls.
  let line = null;
  let wait = 1000;
  let polling = null;

  function connect() {
    line = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/feed`);
    line.addEventListener("message", (event) => {
      const frame = JSON.parse(event.data);
      if (frame.type === "hello") {
        wait = 1000;
        stopPolling();
        // Known from before the line broke, else from now on.
        line.send(JSON.stringify({ type: "resume", after: last ?? frame.last_id }));
        last = last ?? frame.last_id;
        count(frame.unread);
      } else if (frame.type === "notification") {
        told(frame.notification);
      } else if (frame.type === "unread") {
        count(frame.count);
        refresh();
      }
    });
    line.addEventListener("close", () => {
      line = null;
      startPolling();
      setTimeout(connect, wait + Math.random() * 500);
      wait = Math.min(wait * 2, 30000);
    });
  }

  async function poll() {
    const answer = await fetch(`/notifications.json?after=${last ?? 0}`, { headers: { Accept: "application/json" } }).catch(() => null);
    if (!answer || answer.redirected || !answer.ok) return;
    const news = await answer.json();
    count(news.unread);
    if (last === null) last = news.last_id;
    news.notifications.forEach(told);
  }

  function startPolling() {
    if (polling === null) polling = setInterval(poll, 5000);
  }

  function stopPolling() {
    clearInterval(polling);
    polling = null;
  }

  find("[data-read-all]").addEventListener("submit", (event) => {
    if (!line || line.readyState !== WebSocket.OPEN) return;
    event.preventDefault();
    line.send(JSON.stringify({ type: "read_all" }));
  });

  connect();
})();
