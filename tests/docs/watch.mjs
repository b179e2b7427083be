// Runs what the page on subscriptions shows: prints each item of `follow` on a line of its own.
import { WebSocket } from 'ws';

globalThis.WebSocket = WebSocket;
globalThis.token = async () => process.env.TOKEN;

const { follow, isNews } = await import('./feed.js');

let held;
const stop = follow(
  { query: process.env.QUERY, variables: JSON.parse(process.env.VARIABLES) },
  {
    next: ({ data }) => {
      const [item] = Object.values(data);
      if (item.__typename === 'Heartbeat') return;
      console.log(JSON.stringify({ ...item, news: isNews(item, held) }));
      held = item;
    },
    error: (error) => console.log(JSON.stringify({ error })),
    complete: () => console.log(JSON.stringify({ complete: true })),
  },
);
process.stdin.on('data', () => {
  stop();
  process.exit(0);
});
