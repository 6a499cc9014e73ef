"use strict";
// Makes pages live: the server says what has changed, the page is fetched anew, and the parts that differ are replaced.
(() => {
  const live = document.getElementById("live");
  const log = document.getElementById("log");
  let source = null, timer = null, busy = false, again = false;

  const parts = () => document.querySelectorAll("[data-live]");

  async function refresh() {
    if (busy) { again = true; return; }
    busy = true;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of parts()) {
        const other = next.getElementById(part.id);
        if (!other || other.innerHTML === part.innerHTML) continue;
        const focus = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
        const left = part.scrollLeft;
        part.replaceChildren(...other.childNodes);
        part.scrollLeft = left;
        if (focus) part.querySelector(`a[href="${CSS.escape(focus)}"]`)?.focus({ preventScroll: true });
        ports();
      }
    } catch { /* The observer is away; the next event brings the page up to date. */ }
    busy = false;
    if (again) { again = false; soon(); }
  }

  function soon() {
    timer ??= setTimeout(() => { timer = null; refresh(); }, 400);
  }

  function concerns(event) {
    const path = location.pathname.split("/");
    if (path[1] !== "task" && path[1] !== "process") return true;
    const tasks = JSON.parse(event.data).tasks;
    return !tasks || tasks.includes(decodeURIComponent(path[2]));
  }

  function listen() {
    if (source || parts().length === 0) return;
    source = new EventSource("/events");
    source.addEventListener("hello", () => { live.hidden = false; live.classList.remove("off"); live.textContent = "live"; soon(); });
    source.addEventListener("tasks", (event) => { if (concerns(event)) soon(); });
    source.addEventListener("usage", soon);
    source.onerror = () => { live.classList.add("off"); live.textContent = "not connected"; };
  }

  // A browser has few connections for a server: a page that nobody sees gives its one back.
  function look() {
    if (document.hidden) { source?.close(); source = null; } else listen();
  }

  // Ports are this machine's as the browser calls it.
  function ports() {
    for (const link of document.querySelectorAll("a[data-port]")) {
      link.href = `http://${location.hostname}:${link.dataset.port}/`;
    }
  }

  async function follow() {
    const box = document.getElementById("follow");
    document.getElementById("follow-label").hidden = false;
    let at = Number(log.dataset.to), shape = log.dataset.look, pause = 500;
    log.scrollTop = log.scrollHeight;
    for (;;) {
      await new Promise((done) => setTimeout(done, pause));
      if (document.hidden || !box.checked) continue;
      try {
        const answer = await fetch(`${log.dataset.here}?part=1&from=${at}&look=${encodeURIComponent(shape)}`);
        if (!answer.ok) { pause = 3000; continue; }
        const part = await answer.json();
        if (part.is_cut) { log.replaceChildren(); at = 0; shape = ""; continue; }
        if (part.html) {
          const near = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
          log.insertAdjacentHTML("beforeend", part.html);
          document.getElementById("nothing")?.remove();
          while (log.textContent.length > 4e6 && log.firstChild !== log.lastChild) log.firstChild.remove();
          if (near) log.scrollTop = log.scrollHeight;
        }
        at = part.to; shape = part.look;
        pause = part.to < part.size ? 0 : part.html ? 250 : Math.min(2000, pause + 100);
      } catch { pause = 3000; }
    }
  }

  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.tagName)) return;
    const search = document.getElementById("search");
    if (search) { event.preventDefault(); search.focus(); search.select(); }
  });
  document.addEventListener("visibilitychange", look);
  ports();
  look();
  if (log && "follow" in log.dataset) follow();
})();
