import { WORKER_LOAD_HEADER, parseWorkerLoad } from "@qwen3-vl/shared/worker-load";

import type { GpuWorker } from "../inference/gpu-worker-client.ts";
import { preferredBackends } from "./backend-choice.ts";
import type { BackendView } from "./backend-choice.ts";
import { HEALTHY, afterFailure, stateOf } from "./circuit-breaker.ts";
import type { Circuit, CircuitState } from "./circuit-breaker.ts";

/** Of a worker that has never told. */
const DEFAULT_SLOTS = 8;
/** What a worker told of its other callers is history after this time. */
const LOAD_KEPT_MS = 10_000;
/** A health call that was begun by a request whose context has gone; others may begin one then. */
const PROBE_MS = 5000;

/** One GPU worker, as this instance of the edge knows it. */
export class Backend {
  readonly id: string;
  readonly worker: GpuWorker;
  #circuit: Circuit = HEALTHY;
  #inFlight = 0;
  #slots = DEFAULT_SLOTS;
  /** Answers there of other instances of the edge. */
  #others = { requests: 0, until: 0 };
  #busyUntil = 0;
  #probeUntil = 0;

  constructor(worker: GpuWorker) {
    this.worker = worker;
    this.id = worker.url.href;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  circuit(now: number): CircuitState {
    return stateOf(this.#circuit, now);
  }

  view(now: number): BackendView & { backend: Backend } {
    return {
      backend: this,
      id: this.id,
      requests: this.#inFlight + (now < this.#others.until ? this.#others.requests : 0),
      slots: this.#slots,
      circuit: this.circuit(now),
      isBusy: now < this.#busyUntil,
    };
  }

  /** A call is there until the function that this returns is called. */
  enter(): () => void {
    this.#inFlight++;
    let isInside = true;
    return () => {
      this.#inFlight -= isInside ? 1 : 0;
      isInside = false;
    };
  }

  /** @param ownBefore calls of this instance that were there when the answered one came */
  answered(headers: Headers, ownBefore: number, now: number): void {
    this.#circuit = HEALTHY;
    this.#busyUntil = 0;
    this.#note(headers, ownBefore, now);
  }

  /** It refused what it has not begun. */
  refused(headers: Headers, ownBefore: number, now: number, milliseconds: number): void {
    this.#circuit = HEALTHY;
    this.#busyUntil = now + milliseconds;
    this.#note(headers, ownBefore, now);
  }

  failed(now: number): void {
    this.#circuit = afterFailure(this.#circuit, now);
  }

  /** Whether it is time for a health call that nobody makes yet; who is told so makes it. */
  takeProbe(now: number): boolean {
    if (this.circuit(now) !== "half_open" || now < this.#probeUntil) {
      return false;
    }
    this.#probeUntil = now + PROBE_MS;
    return true;
  }

  #note(headers: Headers, ownBefore: number, now: number): void {
    const load = parseWorkerLoad(headers.get(WORKER_LOAD_HEADER));
    if (load !== undefined) {
      this.#slots = load.slots;
      const requests = Math.max(0, load.requests - ownBefore);
      this.#others = { requests, until: now + LOAD_KEPT_MS };
    }
  }
}

/** The GPU workers of this deployment, and what this instance of the edge knows of each. */
export class BackendPool {
  readonly backends: readonly Backend[];

  constructor(workers: readonly GpuWorker[]) {
    this.backends = workers.map((worker) => new Backend(worker));
  }

  /** Those to try for a conversation, one after the other. */
  candidates(conversation: string, now: number): Backend[] {
    const views = this.backends.map((backend) => backend.view(now));
    return preferredBackends(conversation, views).map(({ backend }) => backend);
  }
}
