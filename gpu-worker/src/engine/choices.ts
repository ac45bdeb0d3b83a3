import type { AnswerEvent } from "./answer.ts";

/** What became known of one of a request's answers. */
export interface ChoiceEvent extends AnswerEvent {
  /** Which answer, from 0. */
  choice: number;
}

type Events = AsyncIterator<AnswerEvent, void, undefined>;

interface Next {
  choice: number;
  result: IteratorResult<AnswerEvent, void>;
}

/** The events of several answers as they come. The first failure ends all. */
export async function* mergeChoices(answers: readonly Events[]): AsyncGenerator<ChoiceEvent> {
  const pending = new Map(answers.map((events, choice) => [choice, nextOf(events, choice)]));
  while (pending.size > 0) {
    const { choice, result } = await Promise.race(pending.values());
    const events = answers[choice];
    if (result.done === true || events === undefined) {
      pending.delete(choice);
    } else {
      yield { ...result.value, choice };
      pending.set(choice, nextOf(events, choice));
    }
  }
}

function nextOf(events: Events, choice: number): Promise<Next> {
  const next = events.next().then((result) => ({ choice, result }));
  next.catch(() => undefined); // the race tells the first failure; nobody asks for another
  return next;
}
