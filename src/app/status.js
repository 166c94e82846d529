/*
 * status.js - fetches the JSON of /status from the page's own path every two seconds and shows it.
 *
 * What it is told is shown as text only (textContent): paths, methods and IDs are a client's. Elements are changed only
 * where their text changes, so that a selection, the focus and a screen reader's place stay. Nothing is kept but in this
 * page. A chart is an entry of CHARTS; what it shows is a function of two answers, one after the other.
 */
"use strict";
(() => {
const EVERY_MS = 2000, GIVE_UP_MS = 5000, MINUTE_MS = 60000, MINUTES = 5, WIDTH = 300, HEIGHT = 60;
/* Without the credentials and the query that the page may have been opened with: fetch() takes no credentials. */
const PATH = location.origin + location.pathname;
const $ = (id) => document.getElementById(id);

/* ---- Words ---- */

const TONES = {
	serving: "good", healthy: "good", ready: "good", alone: "good", starting: "warn", warning: "warn", draining: "warn", stopping: "warn",
	stopped: "bad", dead: "bad", failed: "bad", degraded: "bad", busy: "busy", unknown: "warn",
};

const count = (number) => number.toLocaleString("en-US");

function span(seconds) {
	const s = Math.floor(seconds);
	if (s >= 86400) return `${Math.floor(s / 86400)}d ${Math.floor(s % 86400 / 3600)}h`;
	if (s >= 3600) return `${Math.floor(s / 3600)}h ${Math.floor(s % 3600 / 60)}m`;
	return s >= 60 ? `${Math.floor(s / 60)}m ${s % 60}s` : `${s}s`;
}

function short(seconds) {
	if (seconds >= 60) return span(seconds);
	return seconds >= 1 ? `${seconds.toFixed(1)} s` : `${(seconds * 1000).toFixed(seconds < 0.01 ? 1 : 0)} ms`;
}

function bytes(number) {
	const units = ["B", "KiB", "MiB", "GiB", "TiB"];
	let i = 0;
	for (; number >= 1024 && i < units.length - 1; i++) number /= 1024;
	return `${number.toFixed(i > 0 && number < 100 ? 1 : 0)} ${units[i]}`;
}

const rate = (number) => number >= 100 ? count(Math.round(number)) : number.toFixed(1);
const clock = (time) => new Date(time).toLocaleTimeString("en-GB");

/* ---- Elements ---- */

function element(name, className, text) {
	const made = document.createElement(name);
	if (className) made.className = className;
	if (text !== undefined) made.textContent = text;
	return made;
}

function setText(node, text) {
	if (node.textContent !== text) node.textContent = text;
}

function setTone(node, tone) {
	if (tone) node.dataset.tone = tone;
	else delete node.dataset.tone;
}

/* Each cell is {text, note, className, tone}: with a tone the text is a word in its colour. */
function setCell(td, cell) {
	td.className = cell.className || "";
	if (!td.firstChild) td.append(element("span"), element("span", "note"));
	setText(td.firstChild, cell.text);
	td.firstChild.className = cell.tone === undefined ? "" : "pill";
	setTone(td.firstChild, cell.tone);
	setText(td.lastChild, cell.note || "");
}

function setRows(body, rows) {
	while (body.rows.length > rows.length) body.deleteRow(-1);
	rows.forEach((row, i) => {
		const tr = body.rows[i] || body.insertRow();
		setTone(tr, row.tone);
		row.cells.forEach((cell, j) => setCell(tr.cells[j] || tr.insertCell(), cell));
	});
}

function setPairs(list, pairs) {
	while (list.children.length > pairs.length) list.lastElementChild.remove();
	pairs.forEach(([name, text, tone], i) => {
		let pair = list.children[i];
		if (!pair) {
			pair = list.appendChild(element("div"));
			pair.append(element("dt"), element("dd"));
		}
		setText(pair.firstElementChild, name);
		setText(pair.lastElementChild, text);
		setTone(pair.lastElementChild, tone);
	});
}

/* ---- Charts ---- */

/* Per second between two answers; null where the service began anew between them. */
function growth(before, now, read) {
	const seconds = (Date.parse(now.timestamp) - Date.parse(before.timestamp)) / 1000;
	const more = read(now) - read(before);
	return seconds > 0 && more >= 0 ? more / seconds : null;
}

/*
 * The latency below which a share of what was observed between two looks stayed, evenly spread within its bucket, as
 * Prometheus's histogram_quantile() has it; null where there was none.
 */
function quantile(before, now, share) {
	if (!before || !now) return null;
	const bounds = now.bounds_seconds, counts = now.counts.map((n, i) => n - before.counts[i]);
	const wanted = share * counts.reduce((sum, n) => sum + n, 0);
	if (!(wanted > 0) || counts.some((n) => n < 0)) return null;
	let below = 0, i = 0;
	while (i < bounds.length && below + counts[i] < wanted) below += counts[i++];
	if (i === bounds.length) return bounds[i - 1];
	const from = i > 0 ? bounds[i - 1] : 0;
	return from + (bounds[i] - from) * (wanted - below) / counts[i];
}

/* Of a histogram that read() finds in an answer: a quantile, and how it is shown. */
const quantileOf = (read, share) => (now, before) => quantile(before && read(before), read(now), share);

/* What lies in the first bucket is only known to be below its bound. */
const durationOf = (read) => (seconds, now) => {
	const least = read(now) ? read(now).bounds_seconds[0] : 0;
	return seconds <= least ? `< ${short(least)}` : short(seconds);
};

const observed = (histogram) => histogram.counts.reduce((sum, n) => sum + n, 0);
const percent = (share) => `${Math.round(100 * share)}%`;

/* Of the gets between two answers, how many found what they looked for; null where there were none. */
function hitShare(now, before) {
	if (!before || !before.cache || !now.cache) return null;
	const hits = now.cache.hits - before.cache.hits, misses = now.cache.misses - before.cache.misses;
	return hits >= 0 && misses >= 0 && hits + misses > 0 ? hits / (hits + misses) : null;
}

const requests = (s) => s.latency, statements = (s) => s.database && s.database.latency;

/* Those with an if are shown where the service has what they are of. */
const CHARTS = [
	{id: "requests", title: "Requests per second", show: rate, value: (now, before) => before && growth(before, now, (s) => s.pool.requests)},
	{id: "median", title: "Latency, median", show: durationOf(requests), least: 0.001, value: quantileOf(requests, 0.5)},
	{id: "p99", title: "Latency, 99th percentile", show: durationOf(requests), least: 0.001, value: quantileOf(requests, 0.99)},
	{id: "errors", title: "Errors per second", show: rate, value: (now, before) => before && growth(before, now, (s) => s.errors.total)},
	{id: "busy", title: "Busy workers", show: count, value: (now) => now.pool.busy, most: (now) => now.pool.workers},
	{id: "queue", title: "Waiting connections", show: count, value: (now) => now.queue ? now.queue.pending : null},
	{id: "statements", title: "Statements per second", show: rate, if: (s) => s.database,
		value: (now, before) => before && before.database && growth(before, now, (s) => observed(s.database.latency))},
	{id: "statement-p99", title: "Statements, 99th percentile", show: durationOf(statements), least: 0.001, if: (s) => s.database,
		value: quantileOf(statements, 0.99)},
	{id: "hits", title: "Cache hits", show: percent, if: (s) => s.cache, value: hitShare, top: 1},
];

function svg(name, attributes) {
	const made = document.createElementNS("http://www.w3.org/2000/svg", name);
	for (const key in attributes) made.setAttribute(key, attributes[key]);
	return made;
}

function makeChart(chart) {
	const box = element("div", "chart"), line = element("p");
	chart.now = element("strong", "", "–");
	chart.now.id = `chart-${chart.id}`;
	chart.peak = element("span", "muted");
	line.append(chart.now, chart.peak);
	chart.svg = svg("svg", {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": chart.title});
	chart.area = svg("path", {class: "area"});
	chart.line = svg("path", {});
	chart.svg.append(svg("line", {x1: 0, x2: WIDTH, y1: HEIGHT - 0.5, y2: HEIGHT - 0.5}), chart.area, chart.line);
	chart.points = [];
	chart.box = box;
	box.append(element("h3", "", chart.title), line, chart.svg);
	$("charts").append(box);
}

/* The pieces between gaps, each as a path; an area goes down to the ground at both its ends. */
function paths(points, end, most) {
	const length = minutesOf(points, end) * MINUTE_MS;
	let line = "", area = "", first = null, last = null;
	const x = (p) => (WIDTH * (1 - (end - p.time) / length)).toFixed(1);
	const y = (p) => (HEIGHT - 1 - (HEIGHT - 4) * p.value / most).toFixed(1);
	const close = () => { if (first) area += `L${x(last)} ${HEIGHT}L${x(first)} ${HEIGHT}Z`; };
	for (const p of points) {
		const begins = !last || p.value === null || p.time - last.time > 3 * EVERY_MS;
		if (begins) close();
		if (begins) first = last = null;
		if (p.value === null) continue;
		const step = `${first ? "L" : "M"}${x(p)} ${y(p)}`;
		line += step;
		area += step;
		first = first || p;
		last = p;
	}
	close();
	return {line, area};
}

/* As many whole minutes as there are, up to five. */
function minutesOf(points, end) {
	return Math.min(MINUTES, Math.floor((end - points[0].time) / MINUTE_MS) + 1);
}

function drawChart(chart, now, before, time) {
	chart.box.hidden = Boolean(chart.if) && !chart.if(now);
	if (chart.box.hidden) return;
	const value = chart.value(now, before);
	chart.points.push({time, value: value === undefined ? null : value});
	while (chart.points[0].time < time - MINUTES * MINUTE_MS) chart.points.shift();
	const highest = Math.max(...chart.points.map((p) => p.value || 0));
	const most = chart.top || Math.max(highest, chart.most ? chart.most(now) : 0, chart.least || 1);
	const known = value !== null && value !== undefined;
	setText(chart.now, known ? chart.show(value, now) + (chart.most ? ` of ${count(chart.most(now))}` : "") : "–");
	setText(chart.peak, chart.points.some((p) => p.value !== null) ? `peak ${chart.show(highest, now)}` : "");
	chart.svg.setAttribute("aria-label", `${chart.title}: ${chart.now.textContent}, at most ${chart.show(highest, now)} in this time`);
	const drawn = paths(chart.points, time, most);
	chart.line.setAttribute("d", drawn.line);
	chart.area.setAttribute("d", drawn.area);
}

/* ---- The answer ---- */

function showService(s) {
	document.title = `${s.health.status === "healthy" && s.health.ready ? "" : "⚠ "}${s.service} status`;
	setText($("service"), s.service);
	setText($("version"), s.version);
	setText($("state"), s.status);
	setTone($("state"), TONES[s.status]);
	$("health").hidden = false;
	setText($("health"), s.health.alive ? s.health.status : "stuck");
	setTone($("health"), s.health.alive ? TONES[s.health.status] : "bad");
	setText($("reason"), s.health.ready ? "" : `not ready: ${s.health.reason}`);
	const pool = s.workers_max !== s.workers_min ? ` (${s.workers_min} to ${s.workers_max})` : "";
	setPairs($("facts"), [
		["Up", span(s.uptime_seconds)],
		["Workers", `${s.pool.workers} of ${s.workers_wanted}${pool}`, s.held_back > 0 ? "bad" : ""],
		["Idle, busy", `${s.pool.idle}, ${s.pool.busy}`],
		["Requests", count(s.pool.requests)],
		["Connections", count(s.pool.connections)],
		["Queue", s.queue ? `${count(s.queue.pending)} of ${count(s.queue.capacity)}` : "unknown"],
		["Generation", String(s.generation)],
		["Supervisor", s.supervisor ? s.supervisor.pid + (s.supervisor.alive ? "" : " (dead)") : "none", s.supervisor && !s.supervisor.alive ? "bad" : ""],
	]);
}

function workerRow(w) {
	const r = w.request;
	return {tone: w.state === "dead" ? "bad" : "", cells: [
		{text: String(w.worker), className: "number"},
		{text: w.state, tone: TONES[w.state] || ""},
		{text: r ? r.phase : ""},
		{text: r ? short(r.elapsed_seconds) : "", className: "number"},
		{text: r ? `${r.method} ${r.path}` : "", note: r ? r.correlation_id : "", className: "grow code"},
		{text: w.role, className: "wide"},
		{text: String(w.pid), className: "number wide"},
		{text: span(w.age_seconds), className: "number wider"},
		{text: String(w.generation), className: "number wider"},
		{text: count(w.connections), className: "number wide"},
		{text: count(w.requests), className: "number wide"},
	]};
}

function checkRow(c) {
	const numbers = c.bytes ? `${c.bytes.percent}% used, ${bytes(c.bytes.free)} of ${bytes(c.bytes.total)} free` : "";
	return {cells: [
		{text: c.name},
		{text: c.status, tone: c.status === "failed" && !c.critical ? "warn" : TONES[c.status] || ""},
		{text: c.status === "not configured" ? "" : short(c.duration_seconds), className: "number"},
		{text: c.age_seconds === null ? "" : span(c.age_seconds), className: "number"},
		{text: c.text || numbers, className: "grow"},
	]};
}

function errorRow(e, now) {
	const code = e.code ? ` ${e.code}` : "";
	return {cells: [
		{text: count(e.count), className: "number"},
		{text: `${span(Math.max(0, (now - Date.parse(e.last_seen)) / 1000))} ago`},
		{text: `${e.message}${code}`, note: e.route, className: "grow"},
		{text: e.place, className: "wider code"},
		{text: e.last_correlation_id, className: "wide code clip"},
	]};
}

function showLife(s) {
	const bad = (number) => number > 0 ? "bad" : "";
	setPairs($("life"), [
		...Object.entries(s.deaths).map(([cause, n]) => [`Deaths: ${cause}`, count(n), bad(n)]),
		["Held back", count(s.held_back), bad(s.held_back)], ["Recycled", count(s.recycled)],
		["Reloads", count(s.reloads)], ["Reloads refused", count(s.reloads_refused)],
		["Log level", s.log_level], ["Log dropped", count(s.log.dropped), bad(s.log.dropped)],
		["Log waiting", bytes(s.log.waiting_bytes)], ["Spans dropped", count(s.log.spans_dropped), bad(s.log.spans_dropped)],
	]);
	$("refusal").hidden = s.last_refusal === "";
	setText($("refusal"), s.last_refusal && `Last reload refused: ${s.last_refusal}`);
}

function showStores(s) {
	const pairs = [];
	if (s.database) {
		pairs.push(["Database: connected", `${count(s.database.workers_connected)} of ${count(s.workers.length)}`],
			["Database: reconnects", count(s.database.reconnects)],
			["Database: failed", count(s.database.failed), s.database.failed > 0 ? "bad" : ""]);
	}
	if (s.cache) {
		pairs.push(["Cache: hits", count(s.cache.hits)], ["Cache: misses", count(s.cache.misses)],
			["Cache: errors", count(s.cache.errors), s.cache.errors > 0 ? "bad" : ""]);
	}
	$("stores-section").hidden = pairs.length === 0;
	setPairs($("stores"), pairs);
}

function showErrors(s) {
	const now = Date.parse(s.timestamp);
	setText($("error-count"), s.errors.total > 0 ? `${count(s.errors.total)} in ${count(s.errors.kinds)} kinds` : "");
	setRows($("error-rows"), s.top_errors.map((e) => errorRow(e, now)));
	$("errors").hidden = s.top_errors.length === 0;
	$("no-errors").hidden = s.top_errors.length > 0;
}

function showLevels(s) {
	$("levels").hidden = s.log_levels_set.length === 0;
	setRows($("level-rows"), s.log_levels_set.map((l) => ({cells: [
		{text: l.level}, {text: `${l.scope} ${l.target}`, className: "grow"}, {text: span(l.seconds_left), className: "number"},
	]})));
}

let last = null, answered = 0;

function show(s) {
	const time = Date.now();
	showService(s);
	for (const chart of CHARTS) drawChart(chart, s, last, time);
	const minutes = minutesOf(CHARTS[0].points, time);
	setText($("charts-title"), minutes > 1 ? `Last ${minutes} minutes` : "Last minute");
	setRows($("worker-rows"), s.workers.map(workerRow));
	setRows($("check-rows"), s.health.checks.map(checkRow));
	showStores(s);
	showLife(s);
	showErrors(s);
	showLevels(s);
	setText($("moment"), clock(time));
	last = s;
	answered = time;
}

/* ---- Asking ---- */

let paused = false, timer = 0;

function setStale(why) {
	const since = answered ? ` What is shown is from ${clock(answered)}.` : "";
	$("stale").hidden = !why;
	setText($("stale"), why ? why + since : "");
	document.body.classList.toggle("stale", Boolean(why));
	if (!why) return;
	setText($("state"), "unreachable");
	setTone($("state"), "bad");
	$("health").hidden = true;
	setText($("reason"), "");
}

/* What the service says; null where it says nothing, and then the page tells so. */
async function fetchStatus() {
	const control = new AbortController();
	const limit = setTimeout(() => control.abort(), GIVE_UP_MS);
	try {
		const answer = await fetch(PATH, {headers: {Accept: "application/json"}, cache: "no-store", signal: control.signal});
		if (answer.ok) return await answer.json();
		setStale(`The service answers ${answer.status}.`);
	} catch {
		setStale("The service does not answer.");
	} finally {
		clearTimeout(limit);
	}
	return null;
}

async function ask() {
	const status = await fetchStatus();
	if (status === null) return;
	setStale("");
	show(status);
}

async function loop() {
	clearTimeout(timer);
	if (paused) return;
	await ask();
	clearTimeout(timer);
	if (!paused) timer = setTimeout(loop, EVERY_MS);
}

$("pause").addEventListener("click", () => {
	paused = !paused;
	$("pause").setAttribute("aria-pressed", String(paused));
	loop();
});

/* ---- Light and dark ---- */

const dark = matchMedia("(prefers-color-scheme: dark)");
let chosen = "";

function setTheme() {
	const theme = chosen || (dark.matches ? "dark" : "light");
	document.documentElement.dataset.theme = theme;
	setText($("theme"), theme === "dark" ? "Light" : "Dark");
	$("theme").setAttribute("aria-label", `Show it ${theme === "dark" ? "light" : "dark"}`);
}

$("theme").addEventListener("click", () => {
	chosen = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
	setTheme();
});
dark.addEventListener("change", setTheme);

setTheme();
CHARTS.forEach(makeChart);
loop();
})();
