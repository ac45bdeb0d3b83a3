import { ConnectionError, HubAnswerError } from "./hub-error.ts";

export interface HubSettings {
  /** Address of the hub, without a slash at the end. */
  endpoint: string;
  token: string | undefined;
}

interface GetOptions {
  headers: Headers;
  signal: AbortSignal;
}

/** The hub itself has one or two: a renamed repository, and the host that stores its files. */
const MAX_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** GET requests to a hub, and to wherever it redirects; the only place that knows the token. */
export class HubClient {
  readonly endpoint: string;
  readonly hasToken: boolean;
  readonly #token: string | undefined;
  readonly #hub: URL;

  constructor({ endpoint, token }: HubSettings) {
    this.endpoint = endpoint;
    this.hasToken = token !== undefined;
    this.#token = token;
    this.#hub = new URL(endpoint);
  }

  /**
   * Resolves when the headers of a successful answer are there.
   *
   * @throws HubAnswerError, ConnectionError, or the reason of an aborted signal
   */
  async get(address: string, options: GetOptions): Promise<Response> {
    let url = new URL(address);
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const response = await this.#send(url, options);
      if (response.ok) {
        return response;
      }
      await response.body?.cancel();
      const location = response.headers.get("location");
      if (!REDIRECTS.has(response.status) || location === null) {
        throw new HubAnswerError(response, { isFromHub: this.#isHub(url) });
      }
      url = this.#redirected(url, location);
    }
    throw new ConnectionError(`${url.host}: more than ${MAX_REDIRECTS} redirects`);
  }

  async #send(url: URL, { headers, signal }: GetOptions): Promise<Response> {
    const sent = new Headers(headers);
    if (this.#token !== undefined && this.#isHub(url)) {
      sent.set("authorization", `Bearer ${this.#token}`);
    }
    try {
      return await fetch(url, { headers: sent, redirect: "manual", signal });
    } catch (error) {
      throw signal.aborted ? signal.reason : ConnectionError.from(error);
    }
  }

  #redirected(from: URL, location: string): URL {
    const to = URL.parse(location, from.href) ?? undefined;
    if (to?.protocol !== "https:" && to?.protocol !== this.#hub.protocol) {
      throw new ConnectionError(`${from.host} redirects to an address that is not https`);
    }
    return to;
  }

  /** Same scheme, host and port: the host that stores the files must not see the token. */
  #isHub(url: URL): boolean {
    return url.origin === this.#hub.origin;
  }
}
