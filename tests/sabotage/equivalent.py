"""Changes that are no holes: what is taken away is held by something else, by construction. Patterns of names, with the reason.

One that a test catches after all is an error: it does not belong here then.
"""

import re

INNER = "what partners_proposal itself shows is its own to a partner, and to a customer that of its own tenders"
WORK = "work of a customer has all kinds of its data, and nobody else may write here"
EQUIVALENT = {
    r"access_site\.reads: never \(customer_id = .*app_owner.*": "app_sites('any') begins with the customer's own sites",
    r"access_siteuserpermission\.reads.*": "the table is empty for ever: its CHECK refuses every row",
    r"access_viewingentry\.sc_claim_update: WITH CHECK \(true\)": "the trigger only_names_end lets nothing but names end",
    r"partners_tender\.reads: without \(partners_proposal\.partner_id = .*": INNER,
    r"partners_tenderquestion\.reads: without \(partners_proposal\.partner_id = .*": INNER,
    r"telemetry_(health|traffic)(block|latest|rollup)\.(adds|changes): any kind of data.*": WORK,
    r"app_devices\(\): .*": "no policy asks this function, and no code",
    r"app_grants_previewed\(\): without current_setting\('app\.kind', true\) = 'preview'": "app_preview() is empty for every other kind",
    r"app_groups\(\): without o\.kind = 'partner'": "a CHECK of access_organization: customers have no group",
    r"app_preview\(\): without current_setting\('app\.kind', true\) = 'preview'": "whoever is told as a member of that customer sees"
    " more of it in any other kind; principal() tells preview_of with this kind alone",
    r"app_preview\(\): without c\.kind = 'customer'": "access is given by customers alone",
    r"app_self\(\): without current_setting\('app\.kind', true\) IN .*": "the company's own kind must be the same, and is one of the two",
    r"app_sites\(\): without current_setting\('app\.kind', true\) = 'preview'": "app_preview() is empty for every other kind",
    r"app_sites\(\): without g\.partner_id = NULLIF.*": "in a preview the row's group is asked for, too (A6)",
    r"app_sites\(\): without o\.kind = 'partner'": "access is given to partners alone, and customers have no group",
    r"app_sites_answered\(\): never category = 'any'": "every policy asks it for health",
    r"app_sites(_answered)?\(\): without current_setting\('app\.kind', true\) = 'partner'": "of other kinds only work has partners among"
    " app_self(), and work acts for no organization, whose group is asked",
    r"app_sites(_answered)?\(\): without p\.group_id = .*": "a row's group is that of its grant's partner, which is asked as well (A6)",
}


def reason(name: str) -> str:
    """Why this is no hole; '' if it is one."""
    return next((why for pattern, why in EQUIVALENT.items() if re.fullmatch(pattern + r"( \(\d+\))?", name)), "")
