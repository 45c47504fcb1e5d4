// A small Bolt for JavaScript app, used to prove that the local workspace behaves like Slack. Same story as app.py.
const { App } = require('@slack/bolt');

const env = process.env;
const socketMode = env.TRANSPORT === 'socket';
const app = new App({
  token: env.BOT_TOKEN,
  appToken: env.APP_TOKEN,
  signingSecret: env.SIGNING_SECRET,
  socketMode,
  logLevel: 'error',
  clientOptions: { slackApiUrl: `${env.API_URL}/` },
});

const text = (said) => ({ type: 'plain_text', text: said });

app.command('/wk', async ({ command, ack, respond }) => {
  await ack(`asked: ${command.text}`);
  await respond({ text: `answered: ${command.text}`, response_type: 'in_channel' });
});

app.event('app_mention', async ({ event, say }) => {
  await say({ text: `heard ${event.text}`, thread_ts: event.ts });
});

app.message('buttons', async ({ say }) => {
  const button = (name) => ({ type: 'button', action_id: name.toLowerCase(), text: text(name), value: '7' });
  const blocks = [{ type: 'actions', block_id: 'row', elements: [button('Press'), button('Open')] }];
  await say({ text: 'buttons to press', blocks });
});

app.action('press', async ({ ack, action, body, client }) => {
  await ack();
  await client.chat.update({
    channel: body.channel.id,
    ts: body.message.ts,
    text: `pressed ${action.value} by <@${body.user.id}>`,
  });
});

app.action('open', async ({ ack, body, client }) => {
  await ack();
  const element = { type: 'plain_text_input', action_id: 'text' };
  const blocks = [{ type: 'input', block_id: 'reason', label: text('Reason'), element }];
  const view = { type: 'modal', callback_id: 'ask', title: text('Why?'), submit: text('Send'), blocks };
  await client.views.open({ trigger_id: body.trigger_id, view: { ...view, private_metadata: body.channel.id } });
});

app.view('ask', async ({ ack, view, client }) => {
  const reason = view.state.values.reason.text.value;
  if (reason === 'because') {
    await ack({ response_action: 'errors', errors: { reason: 'say more' } });
    return;
  }
  await ack();
  await client.chat.postMessage({ channel: view.private_metadata, text: `reason: ${reason}` });
});

app.event('app_home_opened', async ({ event, client }) => {
  const blocks = [{ type: 'section', text: { type: 'mrkdwn', text: `home of <@${event.user}>` } }];
  await client.views.publish({ user_id: event.user, view: { type: 'home', blocks } });
});

(async () => {
  const server = await app.start(socketMode ? undefined : { port: 0, host: '127.0.0.1' });
  console.log(socketMode ? 'ready' : `ready http://127.0.0.1:${server.address().port}/slack/events`);
  // The test holds the other end; when it goes, so does this.
  process.stdin.on('end', () => process.exit(0)).resume();
})();
