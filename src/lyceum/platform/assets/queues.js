// The queue dashboard: signs in, listens to what changes, sends what is asked for. The server
// renders everything; the token is kept in memory alone, so a reload signs in again.
"use strict";

const PLACE = "/admin/queues";
const API = "/api/v1";
let tokens = null;
let listening = null;

function find(id) {
  return document.getElementById(id);
}

function say(text) {
  const line = find("said");
  if (!line) return;
  line.textContent = text;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => { line.textContent = ""; }, 6000);
}

function headers(more) {
  return tokens ? { ...more, authorization: `Bearer ${tokens.access}` } : { ...more };
}

async function problemOf(answer) {
  try {
    const problem = await answer.json();
    return problem.detail || problem.title;
  } catch {
    return `The server answered ${answer.status}.`;
  }
}

async function refresh() {
  if (!tokens || !tokens.refresh) return false;
  const answer = await fetch(`${API}/auth/refresh-token`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ refreshToken: tokens.refresh }),
  });
  if (!answer.ok) return false;
  const { data } = await answer.json();
  tokens = { access: data.accessToken, refresh: data.refreshToken };
  return true;
}

async function send(path, options = {}) {
  const once = () => fetch(path, { ...options, headers: headers(options.headers) });
  const answer = await once();
  if (answer.status === 401 && (await refresh())) return once();
  return answer;
}

async function show() {
  const answer = await send(PLACE);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const problem = find("problem");
  if (answer.status === 403 || answer.ok) {
    document.body.replaceWith(page.body);
    document.title = page.title;
    if (answer.ok) listen();
  } else if (problem) {
    problem.textContent = answer.status === 401 ? "This token is not valid." : "It cannot be shown now.";
  }
}

function mark(isOn) {
  const state = find("live-state");
  if (!state) return;
  state.className = isOn ? "on" : "off";
  state.textContent = isOn ? "Live" : "Connecting again";
}

function take(event) {
  const name = /^event: (.*)$/m.exec(event);
  const section = name && find(name[1]);
  if (!section) return;
  const data = event.split("\n").filter((line) => line.startsWith("data: "));
  const focused = document.activeElement && document.activeElement.dataset.post;
  section.innerHTML = data.map((line) => line.slice(6)).join("\n");
  if (focused && document.activeElement === document.body) {
    const again = section.querySelector(`[data-post="${CSS.escape(focused)}"]`);
    if (again) again.focus({ preventScroll: true });
  }
}

async function hear(signal) {
  const answer = await send(`${PLACE}/live`, { signal });
  if (!answer.ok) return answer.status;
  mark(true);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return 200;
    const events = (rest + value).split("\n\n");
    rest = events.pop();
    events.forEach(take);
  }
}

async function listen() {
  if (listening) listening.abort();
  listening = new AbortController();
  const { signal } = listening;
  while (!signal.aborted) {
    let status = 0;
    try {
      status = await hear(signal);
    } catch {
      status = 0;
    }
    if (signal.aborted) return;
    if (status === 401 || status === 403) {
      tokens = null;
      location.reload();
      return;
    }
    if (status !== 200) mark(false);
    await new Promise((resolve) => { setTimeout(resolve, status === 200 ? 100 : 2000); });
  }
}

async function act(button) {
  const { post, body, sure, done } = button.dataset;
  if (sure && !window.confirm(sure)) return;
  button.disabled = true;
  const answer = await send(post, {
    method: "POST",
    headers: body ? { "content-type": "application/json" } : {},
    body,
  }).catch(() => null);
  if (answer && answer.ok) {
    say(done);
  } else {
    say(answer ? await problemOf(answer) : "The server cannot be reached.");
    button.disabled = false;
  }
}

async function signIn(form) {
  const given = new FormData(form);
  const problem = find("problem");
  problem.textContent = "";
  if (given.has("token")) {
    tokens = { access: given.get("token").trim(), refresh: null };
    await show();
    return;
  }
  const answer = await fetch(`${API}/auth/login`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email: given.get("email"), password: given.get("password") }),
  });
  if (!answer.ok) {
    problem.textContent = await problemOf(answer);
    return;
  }
  const { data } = await answer.json();
  if (!data.accessToken) {
    problem.textContent = "This account has a second factor: sign in elsewhere and use the token.";
    return;
  }
  tokens = { access: data.accessToken, refresh: data.refreshToken };
  await show();
}

document.addEventListener("submit", (event) => {
  event.preventDefault();
  signIn(event.target).catch(() => {
    find("problem").textContent = "The server cannot be reached.";
  });
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-post]");
  if (button) act(button);
});
document.querySelectorAll("form button").forEach((button) => { button.disabled = false; });
if (find("overview")) listen();
