/** The tables of the simulated shop, as such a shop's own database has them, with the comments that `maru pull` takes over. */

export const shopTables = `
create type order_status as enum ('paid', 'cancelled', 'returned');
create type channel as enum ('app', 'web', 'store');

create table member (
  id bigint not null,
  email text not null,
  gender text,
  birth_year integer,
  region text not null,
  joined_at timestamptz not null,
  marketing_agreed boolean not null,
  settings jsonb not null
);
comment on table member is 'people with an account';
comment on column member.id is 'member number';
comment on column member.email is 'sign-in name and address for receipts';
comment on column member.gender is 'female or male, when the member said so';
comment on column member.birth_year is 'year of birth, when the member said so';
comment on column member.region is 'province or city of the default address';
comment on column member.joined_at is 'when the account was made';
comment on column member.marketing_agreed is 'whether the member agreed to receive offers';
comment on column member.settings is 'what the member chose in the app';

create table member_grade (
  member_id bigint not null,
  grade text not null,
  since timestamptz not null
);
comment on table member_grade is 'loyalty grades given to members, one row per change';
comment on column member_grade.member_id is 'the member';
comment on column member_grade.grade is 'welcome, silver or gold';
comment on column member_grade.since is 'from when the grade holds';

create table brand (
  id bigint not null,
  name text not null,
  country text not null,
  launched_on date not null
);
comment on table brand is 'brands on sale';
comment on column brand.id is 'brand number';
comment on column brand.name is 'name of the brand';
comment on column brand.country is 'where the brand comes from';
comment on column brand.launched_on is 'first day on sale here';

create table category (
  id bigint not null,
  name text not null,
  parent_id bigint
);
comment on table category is 'the tree of product categories';
comment on column category.id is 'category number';
comment on column category.name is 'name of the category';
comment on column category.parent_id is 'the category above, none at the top';

create table product (
  id bigint not null,
  name text not null,
  brand_id bigint not null,
  category_id bigint not null,
  price numeric(12, 0) not null,
  colors text[] not null,
  created_at timestamptz not null
);
comment on table product is 'products as they are now';
comment on column product.id is 'product number';
comment on column product.name is 'name in the shop';
comment on column product.brand_id is 'who makes it';
comment on column product.category_id is 'where it is listed now';
comment on column product.price is 'list price now, in won';
comment on column product.colors is 'colours on offer';
comment on column product.created_at is 'when it first went on sale';

create table product_version (
  product_id bigint not null,
  changed_at timestamptz not null,
  name text not null,
  brand_id bigint not null,
  category_id bigint not null,
  price numeric(12, 0) not null
);
comment on table product_version is 'what a product was from when on, one row per change of price or category';
comment on column product_version.product_id is 'the product';
comment on column product_version.changed_at is 'from when this holds';
comment on column product_version.name is 'name in the shop';
comment on column product_version.brand_id is 'who makes it';
comment on column product_version.category_id is 'where it was listed';
comment on column product_version.price is 'list price, in won';

create table orders (
  id bigint not null,
  member_id bigint not null,
  ordered_at timestamptz not null,
  status order_status not null,
  channel channel not null,
  delivery_fee numeric(12, 0) not null
);
comment on table orders is 'orders as placed, with their state now';
comment on column orders.id is 'order number';
comment on column orders.member_id is 'who ordered';
comment on column orders.ordered_at is 'when the order was placed';
comment on column orders.status is 'paid, cancelled before delivery, or returned after it';
comment on column orders.channel is 'where the order was placed';
comment on column orders.delivery_fee is 'paid for delivery, in won';

create table order_item (
  id bigint not null,
  order_id bigint not null,
  product_id bigint not null,
  quantity integer not null,
  price numeric(12, 0) not null,
  discount numeric(12, 0) not null
);
comment on table order_item is 'lines of orders';
comment on column order_item.id is 'line number';
comment on column order_item.order_id is 'the order';
comment on column order_item.product_id is 'what was ordered';
comment on column order_item.quantity is 'pieces';
comment on column order_item.price is 'list price of one piece at that time, in won';
comment on column order_item.discount is 'taken off the whole line, in won';

create table product_like (
  id bigint not null,
  member_id bigint not null,
  product_id bigint not null,
  liked_at timestamptz not null
);
comment on table product_like is 'hearts that members gave to products';
comment on column product_like.id is 'like number';
comment on column product_like.member_id is 'who liked';
comment on column product_like.product_id is 'what was liked';
comment on column product_like.liked_at is 'when';
`

/** Made after the rows are in, which is faster than beside them. */
export const shopKeys: readonly string[] = [
  'alter table member add primary key (id)',
  'alter table brand add primary key (id)',
  'alter table category add primary key (id)',
  'alter table product add primary key (id)',
  'alter table orders add primary key (id)',
  'alter table order_item add primary key (id)',
  'alter table product_like add primary key (id)',
  'alter table member_grade add primary key (member_id, since)',
  'alter table product_version add primary key (product_id, changed_at)',
  'alter table category add foreign key (parent_id) references category',
  'alter table product add foreign key (brand_id) references brand',
  'alter table product add foreign key (category_id) references category',
  'alter table product_version add foreign key (product_id) references product',
  'alter table product_version add foreign key (brand_id) references brand',
  'alter table product_version add foreign key (category_id) references category',
  'alter table member_grade add foreign key (member_id) references member',
  'alter table orders add foreign key (member_id) references member',
  'alter table order_item add foreign key (order_id) references orders',
  'alter table order_item add foreign key (product_id) references product',
  'alter table product_like add foreign key (member_id) references member',
  'alter table product_like add foreign key (product_id) references product',
]
