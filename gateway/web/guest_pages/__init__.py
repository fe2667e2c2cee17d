"""What a guest sees behind the links in his messages: no script, no cookie, no address in clear. GET shows, only POST
acts."""

from gateway.web.guest_pages import confirm, my_data, preferences, receipt, unsubscribe

ROUTES = (unsubscribe.routes, preferences.routes, my_data.routes, confirm.routes, receipt.routes)
