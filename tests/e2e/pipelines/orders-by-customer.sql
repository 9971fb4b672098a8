CREATE TABLE IF NOT EXISTS shop.by_customer (
    customer text PRIMARY KEY,
    orders bigint NOT NULL,
    amount numeric(12,2) NOT NULL
);
DELETE FROM shop.by_customer;
INSERT INTO shop.by_customer
SELECT customer, count(*), sum(amount) FROM shop.orders GROUP BY customer;
