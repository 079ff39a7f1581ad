export interface StubRequest {
  method: string;
  path: string;
  query: Record<string, string>;
  headers: Headers;
  body: unknown;
}

/** What a stub answers: a body for status 200, a Response, or an error for a broken connection. */
export type StubAnswer = object | Response | Error;
export type StubHandler = (request: StubRequest) => StubAnswer | Promise<StubAnswer>;

/**
 * A fetch that answers from a table of `METHOD /path` and keeps what it was
 * asked. A list of answers is given out one a request; the last one stays.
 */
export function stubFetch(routes: Record<string, StubHandler | StubAnswer[]>): {
  fetch: typeof fetch;
  requests: StubRequest[];
} {
  const requests: StubRequest[] = [];
  const asked = new Map<string, number>();

  const stub: typeof fetch = async (input, init) => {
    init?.signal?.throwIfAborted();
    const url = new URL(input instanceof Request ? input.url : input);
    const method = (init?.method ?? "GET").toUpperCase();
    const request: StubRequest = {
      method,
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers: new Headers(init?.headers),
      body: typeof init?.body === "string" ? JSON.parse(init.body) : undefined,
    };
    requests.push(request);

    const route = `${method} ${url.pathname}`;
    const handler = routes[route];
    if (!handler) throw new Error(`the stub has no ${route}`);
    const turn = asked.get(route) ?? 0;
    asked.set(route, turn + 1);
    const answer = Array.isArray(handler) ? handler[Math.min(turn, handler.length - 1)] : await handler(request);
    if (answer === undefined) throw new Error(`the stub has no answer for ${route}`);
    if (answer instanceof Error) throw answer;
    if (!(answer instanceof Response)) return Response.json(answer);
    // A clone shares its source with the original, and cancelling it would wait for both.
    return new Response(await answer.clone().text(), answer);
  };
  return { fetch: stub, requests };
}
