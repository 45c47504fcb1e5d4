// The Bolt for JavaScript app that scripts/bench compares with: verifies each request itself, asks no network, and
// answers /wk in the acknowledgement with what is in the file ANSWER.
const fs = require('node:fs');
const { App, HTTPReceiver } = require('@slack/bolt');

const answer = JSON.parse(fs.readFileSync(process.env.ANSWER, 'utf8'));
const app = new App({
  receiver: new HTTPReceiver({ signingSecret: process.env.SIGNING_SECRET }),
  authorize: async () => ({ botToken: 'xoxb-bench', botId: 'B0BENCH', botUserId: 'U0BENCH' }),
  logLevel: 'error',
});

app.command('/wk', async ({ ack }) => {
  await ack(answer);
});

(async () => {
  const server = await app.start({ port: 0, host: '127.0.0.1' });
  console.log(server.address().port);
  // The bench holds the other end; when it goes, so does this.
  process.stdin.on('end', () => process.exit(0)).resume();
})();
