"""Every way in which an upstream is known to refuse, as data: what it sends, and what that means.

Used by the tests of the client, and above it by those of pages, log and ledger.
"""

import json
from dataclasses import dataclass, field
from typing import Any

JSON = {"Content-Type": "application/json"}
HTML = {"Content-Type": "text/html"}
EVENTS = {"Content-Type": "text/event-stream"}


@dataclass(frozen=True, slots=True)
class ErrorCase:
    """`code`, `retryable` and `retry_after` are what the client must make of the rest."""

    name: str
    status: int
    body: str
    code: str
    retryable: bool = False
    retry_after: float | None = None
    detail: str = ""  # must be found in the detail
    headers: dict[str, str] = field(default_factory=lambda: dict(JSON))

    def script(self) -> dict[str, Any]:
        """The fields of a script that answers so: `upstream.script(**case.script())`."""
        return {"status": self.status, "body": self.body, "headers": self.headers}


def _wrapped(status: int, type_: str, message: str, **more: Any) -> str:
    return json.dumps({"error": {"code": status, "message": message, "type": type_} | more})


def _bare(**fields: Any) -> str:
    return json.dumps(fields)


def _page(title: str) -> str:
    return (
        f"<!DOCTYPE html><html><head><title>{title}</title><style>p{{color:red}}</style></head>"
        f"<body><script>alert(1)</script><h1>{title}</h1><p>cloudflare</p></body></html>"
    )


_GOOGLE = "Resource exhausted. Please try again later. See error-code-429 for details."
_REAL_CAUSE = json.dumps({"error": {"message": "real cause", "code": "context_length_exceeded"}})

ERROR_TABLE: tuple[ErrorCase, ...] = (
    # As EvoLink documents them.
    ErrorCase(
        "bad request",
        400,
        _wrapped(400, "invalid_request_error", "Invalid request parameters"),
        "bad_request",
        detail="Invalid request parameters",
    ),
    ErrorCase(
        "key refused",
        401,
        _wrapped(401, "authentication_error", "Invalid or expired token"),
        "key_refused",
    ),
    ErrorCase(
        "quota spent",
        402,
        _wrapped(
            402,
            "insufficient_quota_error",
            "Insufficient quota. Please top up your account.",
            fallback_suggestion="https://evolink.ai/dashboard/billing",
        ),
        "quota_exhausted",
    ),
    ErrorCase(
        "forbidden",
        403,
        _wrapped(403, "permission_error", "Access denied for this model", param="model"),
        "forbidden",
    ),
    ErrorCase(
        "model not found",
        404,
        _wrapped(
            404,
            "not_found_error",
            "Specified model not found",
            param="model",
            fallback_suggestion="gemini-3-pro-preview",
        ),
        "model_not_found",
    ),
    ErrorCase(
        "too large",
        413,
        _wrapped(
            413,
            "request_too_large_error",
            "Request body too large",
            param="content",
            fallback_suggestion="compress image to under 10MB",
        ),
        "too_large",
    ),
    ErrorCase(
        "rate limited",
        429,
        _wrapped(
            429,
            "rate_limit_error",
            "Rate limit exceeded",
            fallback_suggestion="retry after 60 seconds",
        ),
        "rate_limited",
        retryable=True,
        retry_after=60.0,
    ),
    ErrorCase(
        "internal error",
        500,
        _wrapped(500, "internal_server_error", "Internal server error"),
        "upstream_failed",
        retryable=True,
    ),
    ErrorCase(
        "upstream error",
        502,
        _wrapped(502, "upstream_error", "Upstream AI service unavailable"),
        "upstream_failed",
        retryable=True,
    ),
    ErrorCase(
        "unavailable",
        503,
        _wrapped(
            503,
            "service_unavailable_error",
            "Service temporarily unavailable",
            fallback_suggestion="retry after 30 seconds",
        ),
        "overloaded",
        retryable=True,
        retry_after=30.0,
    ),
    ErrorCase(
        "gateway timeout",
        524,
        _wrapped(524, "timeout_error", "The request timed out"),
        "gateway_timed_out",
    ),
    # Under the other names that its pages have for the same.
    ErrorCase(
        "quota spent, as Qwen's page says",
        402,
        _wrapped(402, "insufficient_quota", "Insufficient quota"),
        "quota_exhausted",
    ),
    ErrorCase(
        "quota spent, as Claude's page says",
        402,
        _wrapped(402, "billing_error", "Your account needs funds"),
        "quota_exhausted",
    ),
    ErrorCase(
        "quota spent, as the tasks' page says",
        429,
        _bare(error={"code": "quota_exceeded", "message": "no quota left"}),
        "quota_exhausted",
    ),
    ErrorCase(
        "internal error, as Qwen's page says",
        500,
        _wrapped(500, "server_error", "Internal server error"),
        "upstream_failed",
        retryable=True,
    ),
    ErrorCase(
        "internal error, as Claude's page says",
        500,
        _wrapped(500, "api_error", "Internal server error"),
        "upstream_failed",
        retryable=True,
    ),
    ErrorCase(
        "upstream error, as DeepSeek's page says",
        502,
        _wrapped(502, "bad_gateway_error", "Bad gateway"),
        "upstream_failed",
        retryable=True,
    ),
    ErrorCase(
        "unavailable, as Claude's page says",
        503,
        _wrapped(503, "overloaded_error", "Overloaded"),
        "overloaded",
        retryable=True,
    ),
    # As they really came.
    ErrorCase(
        "rate limited, empty type",
        429,
        _bare(error={"message": _GOOGLE, "type": "", "param": "", "code": 429}),
        "rate_limited",
        retryable=True,
        detail="Resource exhausted",
    ),
    ErrorCase(
        "key refused, bare, string code",
        401,
        _bare(code="unauthorized", message="Invalid API key (request id: 20260227)"),
        "key_refused",
        detail="Invalid API key",
    ),
    ErrorCase(
        "model not found, bare, string code",
        404,
        _bare(
            code="model_not_found",
            message="Model 'x' is not available for this API key. Call GET /v1/models",
        ),
        "model_not_found",
    ),
    ErrorCase(
        "image model asked to chat",
        400,
        _bare(error={"message": "Model 'x' is an image generation model", "code": None}),
        "bad_request",
        detail="image generation model",
    ),
    ErrorCase(
        "wrong address",
        404,
        _wrapped(404, "invalid_request_error", "Invalid URL (POST /v1/v1/chat/completions)"),
        "not_found",
    ),
    ErrorCase(
        "wrong address with the word models in it",
        404,
        _wrapped(404, "invalid_request_error", "Invalid URL (POST /v1/models/chat/completions)"),
        "not_found",
    ),
    ErrorCase(
        "model not found, in Google's words",
        404,
        _bare(error={"code": 404, "message": "models/x is not found for API version v1beta"}),
        "model_not_found",
    ),
    ErrorCase(
        "key refused, in Google's words",
        400,
        _bare(
            error={
                "code": 400,
                "message": "API key not valid. Please pass a valid API key.",
                "status": "INVALID_ARGUMENT",
            }
        ),
        "key_refused",
    ),
    ErrorCase("an address that takes no POST", 405, "", "not_found", headers={}),
    # As New API says them.
    ErrorCase(
        "quota of the user spent, as 403",
        403,
        _bare(
            error={
                "message": "not enough",
                "type": "new_api_error",
                "code": "insufficient_user_quota",
            }
        ),
        "quota_exhausted",
    ),
    ErrorCase(
        "quota of the token spent, as 403",
        403,
        _bare(
            error={
                "message": "token quota is not enough",
                "type": "new_api_error",
                "code": "pre_consume_token_quota_failed",
            }
        ),
        "quota_exhausted",
    ),
    ErrorCase(
        "sensitive words",
        400,
        _bare(error={"message": "sensitive words detected", "code": "sensitive_words_detected"}),
        "blocked",
    ),
    ErrorCase(
        "prompt blocked",
        400,
        _bare(error={"message": "request blocked", "code": "prompt_blocked"}),
        "blocked",
    ),
    ErrorCase(
        "no channel for the model, as 503",
        503,
        _bare(error={"message": "No available channel", "code": "model_not_found"}),
        "model_not_found",
    ),
    ErrorCase(
        "empty response",
        500,
        _bare(error={"message": "empty response", "code": "empty_response"}),
        "empty",
    ),
    ErrorCase(
        "a request to its own upstream that failed",
        500,
        _bare(error={"message": "dial tcp", "code": "do_request_failed", "type": "new_api_error"}),
        "upstream_failed",
        retryable=True,
        detail="dial tcp",
    ),
    ErrorCase(
        "a channel that could not be had",
        503,
        _bare(error={"message": "no channel", "code": "get_channel_failed"}),
        "overloaded",
        retryable=True,
    ),
    ErrorCase(
        "bad response from its own upstream",
        500,
        _bare(
            error={
                "message": "bad response",
                "code": "bad_response_status_code",
                "type": "upstream_error",
            }
        ),
        "upstream_failed",
        retryable=True,
    ),
    ErrorCase(
        "the real cause inside a string",
        400,
        _wrapped(400, "upstream_error", f"upstream said: {_REAL_CAUSE}"),
        "context_too_long",
        detail="real cause",
    ),
    # As other gateways and families say them.
    ErrorCase(
        "429 that means quota",
        429,
        _wrapped(429, "exceeded_current_quota_error", "Your account has insufficient balance"),
        "quota_exhausted",
    ),
    ErrorCase(
        "429 with a quota code",
        429,
        _bare(error={"message": "quota", "code": "insufficient_quota"}),
        "quota_exhausted",
    ),
    ErrorCase(
        "a rate limit that means quota",
        429,
        _wrapped(429, "rate_limit_error", "Insufficient quota"),
        "quota_exhausted",
    ),
    ErrorCase(
        "a rate limit that means an empty account",
        429,
        _wrapped(
            429,
            "rate_limit_error",
            "Your account has insufficient balance. Top it up and try again.",
        ),
        "quota_exhausted",
    ),
    ErrorCase(
        "a rate limit that means billing",
        429,
        _bare(
            error={
                "message": "You exceeded your current quota, please check your billing details.",
                "code": "rate_limit_exceeded",
            }
        ),
        "quota_exhausted",
    ),
    ErrorCase(
        "429 with a quota type alone",
        429,
        _bare(error={"message": "No more", "type": "exceeded_current_quota_error"}),
        "quota_exhausted",
    ),
    ErrorCase(
        "a rate limit that means a credit that is too low",
        429,
        _wrapped(429, "rate_limit_error", "Your credit balance is too low to use this API"),
        "quota_exhausted",
    ),
    ErrorCase(
        "quota spent, in Chinese, as 403",
        403,
        _bare(error={"message": "用户额度不足", "type": "new_api_error"}),
        "quota_exhausted",
    ),
    ErrorCase(
        "quota spent, in Chinese, as 429",
        429,
        _bare(error={"message": "余额不足", "type": "rate_limit_error"}),
        "quota_exhausted",
    ),
    ErrorCase(
        "a rate limit whose quota comes back",
        429,
        _bare(
            error={
                "message": "Quota exceeded for requests per minute",
                "type": "rate_limit_error",
            }
        ),
        "rate_limited",
        retryable=True,
    ),
    ErrorCase(
        "429 for a quota that comes back",
        429,
        _bare(error={"message": "You exceeded your current quota. Please retry in 32s."}),
        "rate_limited",
        retryable=True,
    ),
    ErrorCase(
        "Anthropic's shape",
        529,
        _bare(
            type="error",
            error={"type": "overloaded_error", "message": "Overloaded"},
            request_id="req_1",
        ),
        "overloaded",
    ),
    ErrorCase(
        "Anthropic's billing error",
        403,
        _bare(type="error", error={"type": "billing_error", "message": "credit"}),
        "quota_exhausted",
    ),
    ErrorCase(
        "the context is too long",
        400,
        _wrapped(
            400, "invalid_request_error", "This model's maximum context length is 8192 tokens"
        ),
        "context_too_long",
    ),
    ErrorCase(
        "the context is too long, with a code",
        400,
        _bare(error={"message": "too long", "code": "context_length_exceeded"}),
        "context_too_long",
    ),
    ErrorCase(
        "the context is too long for llama.cpp",
        400,
        _bare(
            error={
                "code": 400,
                "message": "the request exceeds the available size",
                "type": "exceed_context_size_error",
                "n_ctx": 4096,
            }
        ),
        "context_too_long",
    ),
    ErrorCase(
        "too many tokens",
        400,
        _bare(error={"message": "Input has too many tokens", "code": 400}),
        "context_too_long",
    ),
    ErrorCase(
        "stream_options refused",
        400,
        _wrapped(400, "invalid_request_error", "Unknown parameter: 'stream_options'."),
        "stream_options_refused",
    ),
    ErrorCase(
        "stream_options refused, as 422",
        422,
        _bare(error={"message": "Unprocessable", "param": "stream_options"}),
        "stream_options_refused",
    ),
    ErrorCase(
        "stream_options refused by a validator",
        422,
        _bare(
            detail=[
                {
                    "type": "extra_forbidden",
                    "loc": ["body", "stream_options"],
                    "msg": "Extra inputs are not permitted",
                    "input": {"include_usage": True},
                }
            ]
        ),
        "stream_options_refused",
        detail="Extra inputs are not permitted",
    ),
    ErrorCase(
        "a part of stream_options refused by a validator",
        400,
        _bare(detail=[{"loc": ["body", "stream_options", "include_usage"], "msg": "not allowed"}]),
        "stream_options_refused",
    ),
    ErrorCase(
        "stream_options refused with the name first",
        400,
        _bare(error={"message": "`stream_options` is not supported by this model", "code": 400}),
        "stream_options_refused",
    ),
    ErrorCase(
        "a prompt that speaks of stream_options",
        400,
        _bare(error={"message": "Bad input: how do I set stream_options?", "code": 400}),
        "bad_request",
    ),
    ErrorCase(
        "a blocked prompt that speaks of stream_options",
        400,
        _bare(
            error={
                "message": "sensitive words detected: unknown parameter stream_options",
                "code": "sensitive_words_detected",
            }
        ),
        "blocked",
    ),
    ErrorCase(
        "validation errors that repeat the prompt",
        422,
        _bare(detail=[{"loc": ["body"], "msg": "field required", "input": "my secret prompt"}]),
        "bad_request",
        detail="field required",
    ),
    ErrorCase(
        "the model is loading",
        503,
        _bare(error={"code": 503, "message": "Loading model", "type": "unavailable_error"}),
        "overloaded",
        retryable=True,
    ),
    ErrorCase(
        "an error inside a string",
        400,
        json.dumps(_bare(error={"message": "in a string", "code": "model_not_found"})),
        "model_not_found",
        detail="in a string",
    ),
    ErrorCase("a string", 400, json.dumps("{no JSON"), "bad_request", detail="{no JSON"),
    ErrorCase(
        "an error that is a string",
        500,
        _bare(error="boom"),
        "upstream_failed",
        True,
        detail="boom",
    ),
    ErrorCase(
        "a list around the error",
        400,
        f"[{_wrapped(400, 'x', 'listed')}]",
        "bad_request",
        detail="listed",
    ),
    ErrorCase("an empty error", 500, _bare(error={}), "upstream_failed", True),
    ErrorCase("nothing at all", 500, "", "upstream_failed", True, headers={}),
    ErrorCase(
        "plain words", 502, "bad gateway", "upstream_failed", True, detail="bad gateway", headers={}
    ),
    ErrorCase("request timeout", 408, "", "timed_out", True, headers={}),
    ErrorCase("conflict", 409, _bare(message="conflict"), "upstream_failed", True),
    ErrorCase("a teapot", 418, "", "bad_request", headers={}),
    ErrorCase("an unknown fault of its own", 599, "", "upstream_failed", headers={}),
    ErrorCase("gateway timeout without a word", 504, "", "gateway_timed_out", headers={}),
    ErrorCase(
        "a redirect elsewhere",
        301,
        "",
        "not_found",
        headers={"Location": "https://example.org/"},
    ),
    ErrorCase(
        "an error labelled as a stream",
        400,
        _wrapped(400, "invalid_request_error", "labelled wrongly"),
        "bad_request",
        detail="labelled wrongly",
        headers=EVENTS,
    ),
    ErrorCase(
        "an error framed as a stream",
        429,
        f"data: {_wrapped(429, 'rate_limit_error', 'framed')}\n\ndata: [DONE]\n\n",
        "rate_limited",
        True,
        detail="framed",
        headers=EVENTS,
    ),
    # How long to wait.
    ErrorCase(
        "Retry-After in seconds",
        429,
        _wrapped(429, "rate_limit_error", "slow down"),
        "rate_limited",
        True,
        7.0,
        headers={**JSON, "Retry-After": "7"},
    ),
    ErrorCase(
        "a long retry-after-ms",
        503,
        "",
        "overloaded",
        True,
        120.0,
        headers={"retry-after-ms": "120000"},
    ),
    ErrorCase(
        "retry-after-ms",
        503,
        "",
        "overloaded",
        True,
        1.5,
        headers={"retry-after-ms": "1500", "Retry-After": "2"},
    ),
    ErrorCase(
        "Retry-After in the past",
        503,
        "",
        "overloaded",
        True,
        0.0,
        headers={"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"},
    ),
    ErrorCase(
        "Retry-After that says nothing",
        503,
        "",
        "overloaded",
        True,
        headers={"Retry-After": "soon"},
    ),
    # Pages.
    ErrorCase(
        "a 502 page",
        502,
        _page("502 Bad Gateway"),
        "upstream_failed",
        True,
        detail="502 Bad Gateway",
        headers=HTML,
    ),
    ErrorCase(
        "a 503 page",
        503,
        _page("503 Unavailable"),
        "overloaded",
        True,
        detail="503 Unavailable",
        headers=HTML,
    ),
    ErrorCase(
        "a 403 page",
        403,
        _page("Just a moment..."),
        "upstream_failed",
        detail="Just a moment...",
        headers=HTML,
    ),
    ErrorCase(
        "a 520 page",
        520,
        _page("520: unknown error"),
        "upstream_failed",
        detail="520",
        headers=HTML,
    ),
    ErrorCase(
        "a 521 page",
        521,
        _page("521: Web server is down"),
        "upstream_failed",
        detail="521",
        headers=HTML,
    ),
    ErrorCase(
        "a 523 page",
        523,
        _page("523: Origin is unreachable"),
        "upstream_failed",
        detail="523",
        headers=HTML,
    ),
    ErrorCase(
        "a 522 page", 522, _page("522: timed out"), "upstream_failed", detail="522", headers=HTML
    ),
    ErrorCase(
        "a 524 page",
        524,
        _page("524: A timeout occurred"),
        "gateway_timed_out",
        detail="524",
        headers=HTML,
    ),
    ErrorCase(
        "a page with status 200",
        200,
        _page("524: A timeout occurred"),
        "unreadable",
        detail="524: A timeout",
        headers=HTML,
    ),
    # Errors that come as answers.
    ErrorCase(
        "an error with status 200",
        200,
        _wrapped(429, "rate_limit_error", "slow down"),
        "rate_limited",
        detail="slow down",
    ),
    ErrorCase(
        "an error inside a string with status 200",
        200,
        json.dumps(_wrapped(429, "rate_limit_error", "in a string")),
        "rate_limited",
        detail="in a string",
    ),
    ErrorCase(
        "a bare error with status 200",
        200,
        _bare(object="error", message="out of order", code=None),
        "upstream_failed",
        detail="out of order",
    ),
    ErrorCase(
        "MiniMax out of balance",
        200,
        _bare(choices=None, base_resp={"status_code": 1008, "status_msg": "insufficient balance"}),
        "quota_exhausted",
        detail="insufficient balance",
    ),
    ErrorCase(
        "MiniMax rate limit",
        200,
        _bare(base_resp={"status_code": 1002, "status_msg": "rate limit"}),
        "rate_limited",
    ),
    ErrorCase(
        "MiniMax out of context",
        200,
        _bare(base_resp={"status_code": 1039, "status_msg": "token limit"}),
        "context_too_long",
        detail="token limit",
    ),
    ErrorCase(
        "MiniMax refusing parameters",
        200,
        _bare(base_resp={"status_code": 2013, "status_msg": "invalid params"}),
        "bad_request",
        detail="invalid params",
    ),
    ErrorCase(
        "a failed task with status 200",
        200,
        _bare(status="failed", error={"code": "quota_exceeded", "message": "no quota left"}),
        "quota_exhausted",
    ),
    ErrorCase(
        "an error inside the stream",
        200,
        f"data: {_wrapped(503, 'overloaded_error', 'overloaded')}\n\n",
        "overloaded",
        headers=EVENTS,
    ),
    ErrorCase(
        "a named error event",
        200,
        "event: error\ndata: it broke\n\n",
        "upstream_failed",
        detail="it broke",
        headers=EVENTS,
    ),
    ErrorCase(
        "stream_options refused with status 200",
        200,
        _wrapped(400, "invalid_request_error", "Unknown parameter: 'stream_options'."),
        "stream_options_refused",
    ),
    ErrorCase(
        "stream_options refused inside the stream",
        200,
        f"data: {_bare(error={'message': 'Unsupported parameter: stream_options'})}\n\n",
        "stream_options_refused",
        headers=EVENTS,
    ),
    ErrorCase(
        "plain words with status 200", 200, "upstream request failed", "unreadable", headers={}
    ),
    ErrorCase("JSON of something else", 200, _bare(status="ok"), "unreadable"),
    ErrorCase("JSON that breaks off", 200, '{"id": "chatcmpl-1", "choices": [', "unreadable"),
)
