"use strict";
// Makes pages live: the server says what has changed, the page is fetched anew, and the parts that differ are replaced.
(() => {
  const $ = (id) => document.getElementById(id);
  const parts = () => document.querySelectorAll("[data-live]");
  // A log that grows without end shall not fill the memory of the browser.
  const MOST_CHARACTERS = 2_000_000;

  function say(isLive) {
    const live = $("live");
    live.hidden = false;
    live.classList.toggle("off", !isLive);
    live.textContent = isLive ? "live" : "not connected";
  }

  // Who reads, selects or moves by keyboard stays where they are.
  function replace(part, next) {
    const focused = part.contains(document.activeElement) && document.activeElement.getAttribute("href");
    const scrolled = [part, ...part.querySelectorAll(".scroll")].map((box) => [box.scrollLeft, box.scrollTop]);
    part.innerHTML = next.innerHTML;
    [part, ...part.querySelectorAll(".scroll")].forEach((box, index) => {
      [box.scrollLeft, box.scrollTop] = scrolled[index] ?? [0, 0];
    });
    if (focused) part.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }

  let isBusy = false, isAgain = false, wasThere = true;
  async function refresh() {
    if (isBusy) { isAgain = true; return; }
    isBusy = true;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      // What has gone, or has come back, is another page.
      if (answer.ok !== wasThere) $("main").innerHTML = next.getElementById("main").innerHTML;
      wasThere = answer.ok;
      for (const part of parts()) {
        const other = next.getElementById(part.id);
        if (other && other.innerHTML !== part.innerHTML && getSelection().isCollapsed) replace(part, other);
      }
      prepare();
    } catch { /* The observer is away: that is said by the stream of events, which brings the page up to date. */ }
    setTimeout(() => {
      isBusy = false;
      if (isAgain) { isAgain = false; refresh(); }
    }, 250);
  }

  function concerns(event) {
    const [, page, id] = location.pathname.split("/");
    const tasks = JSON.parse(event.data).tasks;
    return (page !== "task" && page !== "process") || !tasks || tasks.includes(decodeURIComponent(id));
  }

  function watchTasks() {
    const source = new EventSource("/events");
    source.addEventListener("hello", () => { say(true); refresh(); });
    source.addEventListener("tasks", (event) => { if (concerns(event)) refresh(); });
    source.addEventListener("usage", refresh);
    source.onerror = () => say(false);
    return source;
  }

  function followLog(log) {
    const lines = $("lines"), open = $("open"), follow = $("follow");
    const toEnd = () => { if (follow.checked) log.scrollTop = log.scrollHeight; };
    const add = (fill) => {
      const piece = document.createElement("span");
      fill(piece);
      lines.append(piece);
      length += piece.textContent.length;
      while (length > MOST_CHARACTERS && lines.childNodes.length > 1) {
        length -= lines.firstChild.textContent.length;
        lines.firstChild.remove();
      }
    };
    let length = lines.textContent.length;
    $("follow-label").hidden = false;
    follow.addEventListener("change", toEnd);
    // Who scrolls up wants to read; who scrolls to the end wants to follow.
    log.addEventListener("scroll", () => {
      follow.checked = log.scrollTop + log.clientHeight >= log.scrollHeight - 8;
    });
    new ResizeObserver(toEnd).observe(log);
    return () => {
      const source = new EventSource(`${log.dataset.events}?from=${encodeURIComponent(log.dataset.place)}`);
      source.addEventListener("hello", () => say(true));
      source.addEventListener("restart", () => { lines.replaceChildren(); open.replaceChildren(); length = 0; });
      source.addEventListener("skip", (event) => add((piece) => {
        piece.className = "skipped";
        piece.textContent = `\n… ${JSON.parse(event.data).bytes} bytes are left out …\n`;
      }));
      source.addEventListener("text", (event) => {
        const news = JSON.parse(event.data);
        $("nothing")?.remove();
        if (news.html) add((piece) => { piece.innerHTML = news.html; });
        open.innerHTML = news.open;
        log.dataset.place = event.lastEventId;
        toEnd();
      });
      source.onerror = () => say(false);
      return source;
    };
  }

  // As the server writes it: two units at most.
  function duration(seconds) {
    if (seconds < 9.95) return `${Math.max(seconds, 0).toFixed(1)} s`;
    const whole = Math.round(seconds);
    const two = (large, unit, small, smallUnit) => `${large} ${unit}${small ? ` ${small} ${smallUnit}` : ""}`;
    if (whole < 60) return `${whole} s`;
    if (whole < 3600) return two(Math.floor(whole / 60), "min", whole % 60, "s");
    if (whole < 86400) return two(Math.floor(whole / 3600), "h", Math.floor((whole % 3600) / 60), "min");
    return two(Math.floor(whole / 86400), "d", Math.floor((whole % 86400) / 3600), "h");
  }

  const ahead = Date.now() - Number(document.body.dataset.now);
  function tick() {
    if (document.hidden) return;
    for (const place of document.querySelectorAll("[data-since]")) {
      const text = duration((Date.now() - ahead - Number(place.dataset.since)) / 1000);
      if (place.textContent !== text) place.textContent = text;
    }
  }

  // Ports are this machine's, by the name that the browser has for it.
  function prepare() {
    for (const link of document.querySelectorAll("a[data-port]")) {
      link.href = `http://${location.hostname}:${link.dataset.port}/`;
    }
    tick();
  }

  $("disk")?.addEventListener("click", async (event) => {
    event.preventDefault();
    const link = event.currentTarget;
    link.textContent = "measuring …";
    try {
      const answer = await fetch(link.href);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      link.textContent = page.getElementById("taken")?.textContent ?? "this cannot be measured";
    } catch {
      link.textContent = "not connected, ask again";
    }
  });

  document.addEventListener("keydown", (event) => {
    const isTyping = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.tagName);
    if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      $("search")?.select();
    } else if (event.key === "Escape" && isTyping) {
      document.activeElement.blur();
    }
  });

  // A browser has few connections for a server: a page that nobody sees gives its one back.
  const log = $("log");
  const begin = log?.dataset.events ? followLog(log) : parts().length > 0 ? watchTasks : null;
  let source = null;
  function look() {
    if (!document.hidden) { source ??= begin?.(); return; }
    source?.close();
    source = null;
  }
  document.addEventListener("visibilitychange", look);
  addEventListener("pagehide", () => { source?.close(); source = null; });
  addEventListener("pageshow", look);
  prepare();
  setInterval(tick, 1000);
  look();
})();
