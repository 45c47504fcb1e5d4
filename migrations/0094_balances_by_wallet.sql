-- Balances are read and thinned a wallet at a time, by the primary key. A replica of the version before thins them all at
-- once and then reads the whole table.
DROP INDEX balances_at;
