//! Who lives and trades in Hutong 12, and what is said there before you come.

/// The nodes' directories and names in messages, in the order in which they are started.
pub(super) const EVERYBODY: [&str; 5] = ["you", "mei", "tom", "greens", "lane"];

/// A person.
pub(super) struct Person {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) picture: &'static str,
}

pub(super) const YOU: Person =
    Person { name: "阿狐 Fox", about: "New in Hutong 12", picture: "pictures/person-you.webp" };
pub(super) const MEI: Person = Person {
    name: "李梅 Mei",
    about: "12号院，爱做饭，养猫 · Number 12, cooks too much, has a cat",
    picture: "pictures/person-mei.webp",
};
pub(super) const TOM: Person =
    Person { name: "Tom", about: "Number 9. Bicycles, tea, bad Chinese.", picture: "pictures/person-tom.webp" };

/// A shop.
pub(super) struct Shop {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) logo: &'static str,
    pub(super) catalogue: &'static str,
    pub(super) opening_hours: &'static str,
    pub(super) contact: &'static str,
    pub(super) policies: &'static str,
    pub(super) returns: (u16, &'static str),
    pub(super) shipping: &'static [Shipping],
    pub(super) pickup: (&'static str, &'static str),
    /// How to pay by bank transfer.
    pub(super) bank: &'static str,
    pub(super) carrier: (&'static str, &'static str),
    /// Listings to post as cards, with a line each; the first when you come.
    pub(super) deals: &'static [(&'static str, &'static str)],
}

/// A way to send.
pub(super) struct Shipping {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    /// Minor units.
    pub(super) rate: i64,
    /// Minor units from which it is free.
    pub(super) free_from: Option<i64>,
    pub(super) days: (u16, u16),
}

pub(super) const GREENS: Shop = Shop {
    name: "清晨果蔬 Dawn Greens",
    about: "每天凌晨四点进货，卖完为止。 Fresh every morning from farms around the city, until it is gone.",
    logo: "pictures/shop-greengrocer.webp",
    catalogue: "greengrocer.csv",
    opening_hours: "周一至周日 06:00–20:00 · daily 6 am to 8 pm",
    contact: "胡同口第二家 · second door at the mouth of the lane",
    policies: "称重以小票为准，少了补。 Weighed in front of you; if it is short we make it good.",
    returns: (2, "坏果包赔，拍照发我们就行。 Anything bruised is replaced: a photo is enough."),
    shipping: &[
        Shipping {
            id: "lane",
            name: "胡同内当日送 · same day in the lane",
            rate: 500,
            free_from: Some(5_900),
            days: (0, 0),
        },
        Shipping {
            id: "city",
            name: "同城冷链 · chilled, within the city",
            rate: 1_200,
            free_from: Some(12_900),
            days: (1, 1),
        },
    ],
    pickup: ("清晨果蔬店 · Dawn Greens", "胡同12号口 · at the mouth of Hutong 12"),
    bank: "工商银行 ICBC 6222 0000 1234 5678，户名 清晨果蔬；附言写订单号 · put the order number in the reference",
    carrier: ("顺丰速运 SF Express", "SF"),
    deals: &[
        (
            "strawberries",
            "🍓 今早刚摘的草莓，还带着露水！500 克 36 元，卖完就没。\nStrawberries picked at dawn. Not many left.",
        ),
        (
            "peaches",
            "🍑 水蜜桃到了，软的今天吃，硬的放一天。\nHoney peaches: the soft ones today, the firm ones tomorrow.",
        ),
        ("eggs", "🥚 土鸡蛋刚从山上下来，前十位送一把小葱。\nEggs from the hill just came in."),
        ("sweet-corn", "🌽 甜玉米，生吃都甜。\nCorn so sweet you can eat it raw."),
        ("tomatoes", "🍅 沙瓤番茄，今晚番茄炒蛋？\nRipe tomatoes. Eggs with tomato tonight?"),
    ],
};

pub(super) const LANE: Shop = Shop {
    name: "老巷杂货 Old Lane Homeware",
    about: "三代人的杂货铺，能修的不换。 Three generations of useful things; what can be mended is mended.",
    logo: "pictures/shop-homeware.webp",
    catalogue: "homeware.csv",
    opening_hours: "周二至周日 09:00–18:30 · Tuesday to Sunday, 9 am to 6:30 pm",
    contact: "胡同12号院西侧 · west side of the yard",
    policies: "陶瓷易碎，打包三层。 Pottery travels in three layers.",
    returns: (14, "不合心意就退，原样即可。 Send it back as it was if you do not love it."),
    shipping: &[
        Shipping {
            id: "standard",
            name: "标准快递 · standard parcel",
            rate: 800,
            free_from: Some(19_900),
            days: (2, 4),
        },
        Shipping { id: "express", name: "次日达 · next day", rate: 1_800, free_from: None, days: (1, 1) },
    ],
    pickup: ("老巷杂货铺 · Old Lane", "胡同12号院西侧 · west side of the yard, Hutong 12"),
    bank: "建设银行 CCB 6217 0000 8765 4321，户名 老巷杂货 · put the order number in the reference",
    carrier: ("中通快递 ZTO Express", "ZT"),
    deals: &[
        ("teapot", "🫖 新到一批手工茶壶，出水利落。\nHand-thrown teapots, fresh from the kiln."),
        ("lantern", "🏮 灯笼挂起来，年味就有了。\nLanterns are in. Hang one, and the lane looks festive."),
        ("mantel-clock", "🕰️ 座钟只剩两台，静音的。\nTwo walnut clocks left, and they do not tick at night."),
        ("potted-plant", "🪴 肾蕨，懒人也养得活。\nA fern that forgives you."),
    ],
};

/// The group.
pub(super) const GROUP_NAME: &str = "Hutong 12 · 胡同12号";
pub(super) const GROUP_ABOUT: &str =
    "邻里之间：拼单、借梯子、谁家饭熟了。 Neighbours: shared orders, a ladder to borrow, whose dinner is ready.";

/// What was said before: who, and what.
pub(super) const HISTORY: [(&str, &str); 8] = [
    ("mei", "大家好，建了个群，以后院里的事在这儿说。Hi all, this is for everything in our yard 🏮"),
    ("tom", "Great idea! 大家好 👋 Did anybody find a blue bicycle lamp by the gate?"),
    ("mei", "Tom，灯在我家窗台上，晚上来拿。It is on my windowsill, come by tonight."),
    ("tom", "You saved me. I'll bring tea 🍵"),
    ("lane", "大家好，我是12号院西侧的杂货铺。谁家锅碗要修，拿来就行，不收钱。"),
    ("greens", "早上好！每天六点开门，群里下单满 59 免送。Free delivery in the lane from 59."),
    ("tom", "Question for everybody: how do I cook bok choy without making it sad?"),
    ("mei", "大火，快，最后放盐。Hot pan, quick, salt at the end 😄"),
];

/// What the neighbours recommend: who, which listing, and why.
pub(super) const RECOMMENDED: [(&str, &str, &str); 4] = [
    ("tom", "teapot", "用了三年，一滴不漏。Three years of daily tea and not one drip."),
    ("mei", "eggs", "蛋黄真的立得住。The yolks really do stand up."),
    ("mei", "frying-pan", "煎饺子底儿金黄。Dumplings come out golden."),
    ("tom", "peaches", "Eat them over the sink. You will see why."),
];

/// What the neighbours write to you when you come.
pub(super) const WELCOMES: [(&str, &str); 2] = [
    ("mei", "欢迎搬来！我是隔壁的李梅，缺什么就说。Welcome! I'm Mei from next door, just ask if you need anything."),
    ("tom", "Hey neighbour! Tom from number 9. The strawberries at Dawn Greens are dangerous, you have been warned."),
];
