// A client as its package makes it: prints each item on a line, comes again after each cut with the last cursor it was
// given, and when it is told to end asks one query and prints how that ended.
import { createClient as overSockets } from 'graphql-ws';
import { createClient as overStreams } from 'graphql-sse';
import { WebSocket } from 'ws';

const { KIND, URL: url, TOKEN, QUERY, VARIABLES } = process.env;
const authorization = `Bearer ${TOKEN}`;
const request = { query: QUERY, variables: JSON.parse(VARIABLES) };
let cursor;

const sockets = () =>
  overSockets({
    url: url.replace('http', 'ws'),
    webSocketImpl: WebSocket,
    connectionParams: { authorization },
    retryAttempts: Infinity,
    retryWait: async () => {},
    shouldRetry: () => true,
  });
const streams = () =>
  overStreams({
    url,
    headers: () => ({ authorization, ...(cursor && { 'last-event-id': cursor }) }),
    retryAttempts: Infinity,
    retry: async () => {},
  });

const client = KIND === 'ws' ? sockets() : streams();
const print = (told) => console.log(JSON.stringify(told));
const sink = {
  next: (result) => {
    cursor = result.extensions?.cursor ?? cursor;
    if (KIND === 'ws' && cursor) request.variables.after = cursor;
    print(result);
  },
  error: (error) => print({ error: String(error.message ?? error.code ?? error) }),
  complete: () => print({ complete: true }),
};

const stop = client.subscribe(request, sink);
process.stdin.once('data', () => {
  stop();
  client.subscribe({ query: '{ viewer { subject } }' }, { ...sink, complete: () => (print({ complete: 'query' }), process.exit(0)) });
});
