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
  const [only] = answers;
  if (only !== undefined && answers.length === 1) {
    yield* onlyChoice(only);
    return;
  }
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

/** Most requests have one answer: a race for each of its tokens would be in vain. */
async function* onlyChoice(events: Events): AsyncGenerator<ChoiceEvent> {
  for (let next = await events.next(); next.done !== true; next = await events.next()) {
    yield { ...next.value, choice: 0 };
  }
}

function nextOf(events: Events, choice: number): Promise<Next> {
  const next = events.next().then((result) => ({ choice, result }));
  next.catch(() => undefined); // the race tells the first failure; nobody asks for another
  return next;
}
