"""The addresses of the chat: nouns first, then at most one verb."""

from django.urls import include, path

from chat.views import (
    bills,
    budgets,
    changes,
    conversations,
    exports,
    health,
    live,
    markdown,
    meter,
    metrics,
    notices,
    people,
    prices,
    statements,
    turns,
    usage,
    what_if,
)

_conversation = [
    path("", conversations.conversation_detail, name="conversation"),
    path("live/", live.live, name="live"),
    path("changes/", changes.conversation_changes, name="conversation_changes"),
    path("title/", conversations.rename_conversation, name="rename_conversation"),
    path("settings/", conversations.conversation_settings, name="conversation_settings"),
    path("delete/", conversations.delete_conversation, name="delete_conversation"),
    path("restore/", conversations.restore_conversation, name="restore_conversation"),
    path("messages/", turns.post_message, name="post_message"),
    path("messages/<int:message_id>/text/", conversations.message_text, name="message_text"),
    path("messages/<int:message_id>/edit/", turns.edit_prompt, name="edit_prompt"),
    path("messages/<int:message_id>/stop/", turns.stop_reply, name="stop_reply"),
    path("messages/<int:message_id>/continue/", turns.go_on, name="go_on"),
    path("messages/<int:message_id>/try-again/", turns.try_again, name="try_again"),
    path("messages/<int:message_id>/branch/", turns.show_branch, name="show_branch"),
]

_person = [
    path("", usage.person_usage, name="person_usage"),
    path("table.csv", usage.person_usage_table, name="person_usage_table"),
    path("requests/", usage.person_requests, name="person_requests"),
    path("requests/ledger.csv", usage.person_requests_csv, name="person_requests_csv"),
]

urlpatterns = [
    path("", conversations.new_conversation, name="new_conversation"),
    path("conversations/", conversations.conversation_list, name="conversation_list"),
    path("c/<uuid:conversation_id>/", include(_conversation)),
    path(
        "c/<uuid:conversation_id>.md",
        markdown.conversation_markdown,
        name="conversation_markdown",
    ),
    path("healthz", health.healthz, name="healthz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("notices/<int:notice_id>/read/", notices.read_notice, name="read_notice"),
    path("profile/", people.profile, name="profile"),
    path("profile/theme/", people.set_theme, name="set_theme"),
    path("welcome/<str:token>/", people.welcome, name="welcome"),
    path("usage/", usage.my_usage, name="my_usage"),
    path("usage/days.csv", usage.my_usage_csv, name="my_usage_csv"),
    path("usage/table.csv", usage.my_usage_table, name="my_usage_table"),
    path("usage/team/", usage.team_usage, name="team_usage"),
    path("usage/team/estimates/", usage.estimates, name="estimates"),
    path("usage/budgets/", budgets.budget_list, name="budget_list"),
    path("usage/budgets/<int:budget_id>/ask/", budgets.ask_for_more, name="ask_for_more"),
    path("usage/budgets/left/", budgets.budget_left, name="budget_left"),
    path("usage/requests/", budgets.budget_requests, name="budget_requests"),
    path("usage/requests/mine/", budgets.my_requests, name="my_requests"),
    path("usage/requests/<int:request_id>/grant/", budgets.grant_request, name="grant_request"),
    path(
        "usage/requests/<int:request_id>/decline/", budgets.decline_request, name="decline_request"
    ),
    path("usage/prices/", prices.prices_page, name="prices"),
    path("usage/prices/model/", prices.model_prices, name="model_prices"),
    path("usage/prices/set/", prices.set_price, name="set_price"),
    path("usage/prices/revalue/", prices.begin_revaluation, name="begin_revaluation"),
    path("usage/prices/corrections/", prices.revaluation_list, name="revaluations"),
    path(
        "usage/prices/corrections/<int:revaluation_id>/",
        prices.revaluation_page,
        name="revaluation",
    ),
    path(
        "usage/prices/corrections/<int:revaluation_id>/go-on/",
        prices.go_on_revaluing,
        name="go_on_revaluing",
    ),
    path("usage/what-if/", what_if.what_if, name="what_if"),
    path("usage/team/days.csv", usage.team_usage_csv, name="team_usage_csv"),
    path("usage/ledger.csv", exports.my_ledger, {"kind": "csv"}, name="my_ledger_csv"),
    path("usage/ledger.jsonl", exports.my_ledger, {"kind": "jsonl"}, name="my_ledger_jsonl"),
    path("usage/focus.csv", exports.my_ledger, {"kind": "focus"}, name="my_ledger_focus"),
    path("usage/team/ledger.csv", exports.team_ledger, {"kind": "csv"}, name="team_ledger_csv"),
    path(
        "usage/team/ledger.jsonl", exports.team_ledger, {"kind": "jsonl"}, name="team_ledger_jsonl"
    ),
    path("usage/team/focus.csv", exports.team_ledger, {"kind": "focus"}, name="team_ledger_focus"),
    path("usage/bills/", bills.bill_page, name="bills"),
    path("usage/bills/line/", bills.enter_line, name="enter_bill_line"),
    path("usage/bills/file/", bills.look_at_file, name="look_at_bill_file"),
    path("usage/bills/confirm/", bills.confirm_file, name="confirm_bill_file"),
    path("usage/meter/", meter.meter_page, name="meter"),
    path("usage/team/table.csv", usage.team_usage_table, name="team_usage_table"),
    path("usage/team/without-use/", usage.people_without_use, name="people_without_use"),
    path(
        "usage/team/without-use.csv",
        usage.people_without_use_table,
        name="people_without_use_table",
    ),
    path("usage/team/people/<int:person_id>/", include(_person)),
    path("usage/team/statements/", statements.statements, name="statements"),
    path("usage/team/statements/<int:year>-<int:month>/", statements.statement, name="statement"),
    path(
        "usage/team/statements/<int:year>-<int:month>/table.csv",
        statements.statement_table,
        name="statement_table",
    ),
]
