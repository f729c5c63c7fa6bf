// Requests to the arena, of the pages on which somebody votes or chats.
"use strict";
const agonConsentPath = "./api/consent"; // what is sent there needs no consent of before
// Returns call(path, body): the answer as data, or an error with a sentence. `send` sends a request, `say` shows a sentence,
// `agree` goes ahead of what is sent.
const agonCalls = (send, say, agree) => async function call(path, body, worked = false) {
  if (body !== undefined && path !== agonConsentPath) await agree();
  let answer;
  try {
    answer = await send(path, body === undefined ? {} : {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
    });
  } catch {
    throw new Error(agonText("The arena cannot be reached. Nothing was lost: try again."));
  }
  const data = await answer.json().catch(() => ({}));
  if (data.work && !worked && typeof agonWork !== "undefined") {
    say(agonText("Your browser solves a puzzle first, once: it keeps programs from voting by the thousand."));
    await agonWork(data.work);
    say("");
    return call(path, body, true);
  }
  if (!answer.ok) {
    const error = new Error(data.sentence || agonText("The arena answered with an error ({status}).", { status: answer.status }));
    throw Object.assign(error, { code: data.error, consent: data.consent });
  }
  return data;
};
