/**
 * A client of Guest Gateway. Paths, bodies and answers are typed by its API description; what is added here is the key,
 * an idempotency key for whatever is sent, and asking again where that does no harm.
 *
 *     const gateway = createGateway(key, "https://messages.quinta.example");
 *     const { data, error } = await gateway.POST("/communications/messages/send", { body: { … } });
 */
import createClient, { type Client } from "openapi-fetch";
import type { paths } from "./schema.js";

export type { components, paths } from "./schema.js";

/** At most `tries` tries, `first` milliseconds apart, then twice as long, each drawn between half of it and the whole.
 *  `Retry-After` is a floor; what would take longer than `longest` is not waited for. Each try has `answer` to end in. */
export interface Patience {
  tries: number;
  first: number;
  longest: number;
  answer: number;
}

/** Doors that take an idempotency key: what is sent there is sent once, however often the line breaks. */
const ONCE = /\/communications\/messages\/(send|template|bulk)$/;

export function createGateway(key: string, url: string, patience: Partial<Patience> = {}): Client<paths> {
  const all = { tries: 4, first: 500, longest: 60_000, answer: 30_000, ...patience };
  return createClient<paths>({
    baseUrl: url.replace(/\/$/, ""),
    headers: { Authorization: `Bearer ${key}` },
    fetch: (request) => persist(withKey(request), all),
  });
}

function withKey(request: Request): Request {
  if (ONCE.test(new URL(request.url).pathname) && !request.headers.has("Idempotency-Key")) {
    request.headers.set("Idempotency-Key", crypto.randomUUID());
  }
  return request;
}

/** Asks until there is an answer to stay with. A line that broke is no reason where asking again could do a thing twice. */
async function persist(request: Request, patience: Patience): Promise<Response> {
  const harmless = request.method === "GET" || request.headers.has("Idempotency-Key");
  for (let tried = 1; ; tried++) {
    let answer: Response | undefined;
    try {
      const signal = AbortSignal.any([request.signal, AbortSignal.timeout(patience.answer)]);
      answer = await fetch(request.clone(), { signal });
    } catch (error) {
      if (!harmless || request.signal.aborted || tried >= patience.tries) throw error;
    }
    if (answer && !(await worthRepeating(answer, harmless))) return answer;
    const whole = patience.first * 2 ** (tried - 1);
    const floor = Number(answer?.headers.get("Retry-After") ?? 0) * 1000;
    const wait = Math.max(floor, whole * (0.5 + Math.random() / 2));
    if (answer && (tried >= patience.tries || wait > patience.longest)) return answer;
    await new Promise((done) => setTimeout(done, wait));
  }
}

async function worthRepeating(answer: Response, harmless: boolean): Promise<boolean> {
  if (answer.status === 429) return true;
  if (answer.status === 409) return (await slug(answer)) === "idempotency-in-progress";
  if (answer.status === 503) return harmless || (await slug(answer)) !== "storage";
  return harmless && (answer.status === 502 || answer.status === 504);
}

/** What a problem is called, by which its kind never changes; "" for what is no problem of the gateway's. */
async function slug(answer: Response): Promise<string> {
  const problem = await answer.clone().json().catch(() => ({}));
  return String((problem as { type?: unknown }).type ?? "").split(":").pop() ?? "";
}
