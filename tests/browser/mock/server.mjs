// A stand-in for `sim/slack/client.rs`, so that the page can be tried and tested without the bot:
// `node tests/browser/mock/server.mjs [port]`. It knows the endpoints' shapes and nothing of Slack's rules.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { requireFromCache } from "../support.mjs";
import { App } from "./app.mjs";
import { chart, world } from "./world.mjs";

const { WebSocketServer } = requireFromCache("ws");
const ASSETS = join(dirname(fileURLToPath(import.meta.url)), "../../../src/sim/page/assets");
const TYPES = { ".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml" };
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' http: https:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Starts the mock; `{url, app, close}`. */
export async function mock(port = 0) {
  const state = world();
  const sockets = new Set();
  const push = (event, to) => {
    for (const socket of sockets) if (!to || socket.user === to) socket.send(JSON.stringify(event));
  };
  const app = new App(state, push);
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, "http://mock");
    try {
      if (url.pathname.startsWith("/sim/")) {
        const chunks = await read(request);
        const body = chunks.length ? JSON.parse(Buffer.concat(chunks)) : Object.fromEntries(url.searchParams);
        const answer = (await app.answer(url.pathname.slice(5), body)) ?? { ok: false, error: "unknown endpoint" };
        response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
      } else if (url.pathname.startsWith("/files/")) response.writeHead(200, { "content-type": "image/svg+xml" }).end(chart());
      else {
        const name = url.pathname === "/" ? "index.html" : normalize(url.pathname.replace(/^\/assets\//, ""));
        const type = `${TYPES[extname(name)]}; charset=utf-8`;
        response.writeHead(200, { "content-type": type, "content-security-policy": POLICY, "cache-control": "no-cache" }).end(await readFile(join(ASSETS, name)));
      }
    } catch (error) {
      response.writeHead(404).end(String(error));
    }
  });
  const upgrades = new WebSocketServer({ server, path: "/sim/live" });
  upgrades.on("connection", (socket, request) => {
    socket.user = new URL(request.url, "http://mock").searchParams.get("user");
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise((done) => server.listen(port, "127.0.0.1", done));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    app,
    dropSockets: () => sockets.forEach((socket) => socket.terminate()),
    close: () => {
      sockets.forEach((socket) => socket.terminate());
      server.closeAllConnections();
      return new Promise((done) => server.close(done));
    },
  };
}

async function read(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return chunks;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log((await mock(Number(process.argv[2] ?? 0))).url);
