"""A small Bolt for Python app, used to prove that the local workspace behaves like Slack. Same story as app.js."""

import logging
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from slack_bolt import App, BoltRequest
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient

# Messages nobody here listens to are part of the story.
logging.disable(logging.WARNING)

env = os.environ
api = env["API_URL"] + "/"
app = App(client=WebClient(token=env["BOT_TOKEN"], base_url=api), signing_secret=env["SIGNING_SECRET"])


def text(said):
    return {"type": "plain_text", "text": said}


@app.command("/wk")
def command(ack, command, respond):
    ack(f"asked: {command['text']}")
    respond(text=f"answered: {command['text']}", response_type="in_channel")


@app.event("app_mention")
def mention(event, say):
    say(text=f"heard {event['text']}", thread_ts=event["ts"])


@app.message("buttons")
def buttons(say):
    def button(name):
        return {"type": "button", "action_id": name.lower(), "text": text(name), "value": "7"}

    blocks = [{"type": "actions", "block_id": "row", "elements": [button("Press"), button("Open")]}]
    say(text="buttons to press", blocks=blocks)


@app.action("press")
def press(ack, action, body, client):
    ack()
    said = f"pressed {action['value']} by <@{body['user']['id']}>"
    client.chat_update(channel=body["channel"]["id"], ts=body["message"]["ts"], text=said)


@app.action("open")
def open_modal(ack, body, client):
    ack()
    element = {"type": "plain_text_input", "action_id": "text"}
    blocks = [{"type": "input", "block_id": "reason", "label": text("Reason"), "element": element}]
    view = {"type": "modal", "callback_id": "ask", "title": text("Why?"), "submit": text("Send"), "blocks": blocks}
    client.views_open(trigger_id=body["trigger_id"], view={**view, "private_metadata": body["channel"]["id"]})


@app.view("ask")
def ask(ack, view, client):
    reason = view["state"]["values"]["reason"]["text"]["value"]
    if reason == "because":
        ack(response_action="errors", errors={"reason": "say more"})
        return
    ack()
    client.chat_postMessage(channel=view["private_metadata"], text=f"reason: {reason}")


@app.event("app_home_opened")
def home(event, client):
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": f"home of <@{event['user']}>"}}]
    client.views_publish(user_id=event["user"], view={"type": "home", "blocks": blocks})


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        answer = app.dispatch(BoltRequest(body=body, headers={name: [value] for name, value in self.headers.items()}))
        self.send_response(answer.status)
        for name, values in answer.headers.items():
            for value in values:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body.encode())

    def log_message(self, *_):
        pass


if env["TRANSPORT"] == "socket":
    SocketModeHandler(app, env["APP_TOKEN"], web_client=WebClient(token=env["APP_TOKEN"], base_url=api)).connect()
    print("ready", flush=True)
else:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"ready http://127.0.0.1:{server.server_address[1]}/slack/events", flush=True)

# The test holds the other end; when it goes, so does this.
sys.stdin.read()
os._exit(0)
