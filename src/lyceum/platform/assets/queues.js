// The queue dashboard: signs in, listens to what changes, sends what is asked for. The server
// renders everything. Who one is says the browser's session, or a token that is kept here alone.
"use strict";

const PLACE = "/admin/queues";
const API = "/api/v1";
const JSON_TYPE = { "content-type": "application/json" };
let token = "";
let forgery = "";
let mfaToken = "";
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

function send(path, options = {}) {
  const headers = { ...options.headers };
  if (token) headers.authorization = `Bearer ${token}`;
  else if (forgery) headers["x-csrf-token"] = forgery;
  return fetch(path, { ...options, headers });
}

async function problemOf(answer) {
  try {
    const problem = await answer.json();
    return problem.detail || problem.title;
  } catch {
    return `The server answered ${answer.status}.`;
  }
}

async function show() {
  const answer = await send(PLACE);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (answer.status === 403 || answer.ok) {
    document.body.replaceWith(page.body);
    if (answer.ok) listen();
  } else {
    find("problem").textContent = "This token is not valid.";
  }
}

async function learnForgeryToken() {
  const answer = await send(`${API}/auth/session`);
  if (answer.ok) forgery = (await answer.json()).data.csrfToken || "";
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
    headers: body ? JSON_TYPE : {},
    body,
  }).catch(() => null);
  if (answer && answer.ok) {
    say(done);
  } else {
    say(answer ? await problemOf(answer) : "The server cannot be reached.");
    button.disabled = false;
  }
}

async function post(path, body) {
  const answer = await fetch(`${API}${path}`, {
    method: "POST",
    headers: JSON_TYPE,
    body: JSON.stringify(body),
  });
  if (answer.ok) return (await answer.json()).data;
  find("problem").textContent = await problemOf(answer);
  return null;
}

async function signIn(form) {
  const given = Object.fromEntries(new FormData(form));
  find("problem").textContent = "";
  if (given.token) {
    token = given.token.trim();
    await show();
    return;
  }
  let data = null;
  if (mfaToken) {
    const code = given.code.trim();
    const proof = /^[0-9]{6}$/.test(code) ? { code } : { recoveryCode: code };
    data = await post("/auth/session/mfa", { mfaToken, ...proof });
  } else {
    data = await post("/auth/session", { email: given.email, password: given.password });
  }
  if (data && data.mfaToken) {
    mfaToken = data.mfaToken;
    find("factor").hidden = false;
    find("factor").querySelector("input").focus();
  } else if (data) {
    location.reload();
  }
}

async function signOut() {
  if (!token && !forgery) await learnForgeryToken();
  if (!token) await send(`${API}/auth/session`, { method: "DELETE" });
  location.reload();
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
  if (event.target.closest("#sign-out")) signOut();
});
document.querySelectorAll("form button").forEach((button) => { button.disabled = false; });
if (find("sign-out")) learnForgeryToken().then(() => { if (find("overview")) listen(); });
