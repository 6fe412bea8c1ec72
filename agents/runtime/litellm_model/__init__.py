"""The language model of any provider, through litellm: one HTTP request a `complete()`.

litellm costs 4-10 s and 100-200 MB to import, so that happens at the first request, in the process
that makes it. Three of its habits are worked around here (1.106.2, measured over the wire):

* its exception classes do not tell what happened: a refused connection and a garbled 200 are both
  InternalServerError, some 401s are BadRequestError, and of `context_length_exceeded` only certain
  wordings count. So for `openai/…` models, which includes every OpenAI-compatible server, the
  HTTP answer itself is noted (`exchange`) and outranks the class;
* it sends again by itself after some 400s and follows redirects: here one request
  is let out;
* its timeout holds for each single read, so a provider that drips bytes never ends: the request
  runs in a thread that is given up when the time is over.
"""

from agents.runtime.litellm_model.model import LiteLLM

__all__ = ["LiteLLM"]
