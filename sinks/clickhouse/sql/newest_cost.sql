SELECT max(version) FROM ad_costs WHERE workspace = {workspace:UInt32}
