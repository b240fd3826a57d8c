"""Furniture models that only homes of the training split use: most names have several models with them."""

from __future__ import annotations

# library: role: "key name colour" lines, as in `models`.
TRAINING_TABLE = {
    "BlendSwap-CC-0": """
sofa sofa sofa black | winchesterSofa sofa brown
armchair winchesterArmchair armchair brown | relaxChair lounge_chair white | deckChair deck_chair blue
chair designChair chair white
desk technicalTable1 desk white | technicalTable2 desk gray
tall highCabinet kitchen_cabinet white
low radiator1 radiator white | radiator2 radiator white | glassDoorCabinet cabinet white
counter oven oven white
floor stool bar_stool black | ammoBox crate brown | potty potty pink | bench bench brown | pianoBench stool black
floor plantie plant_box green | toiletBrush toilet_brush white | whiteBoard whiteboard white
top mamadeira baby_bottle white | speaker2 speaker black | speaker3 speaker black | headphones headphones black
top hotDog hot_dog orange | JapaneseLantern lantern black | flowerBox plant_box green
""",
    "BlendSwap-CC-BY": """
sofa cornerSofa sofa | sofa3 sofa brown
armchair leaf_chair armchair gray
bed bunkBed bunk_bed white | juniorBed bed
dining cafe_set_mota_table table gray | cafe_set_tonon_table table gray
chair cafe_set_tonon_chair chair gray | chairWithCushion chair white | ella_chair_f chair brown
chair plaidChair chair blue | chair4 chair white | classSeat chair brown
tall workbench workbench brown | wardrobe2 wardrobe gray
low modernRadiator radiator white | bathroomRadiator radiator
counter kitchenDrawersCabinet kitchen_drawers white | kitchenLowerCabinet kitchen_cabinet white
counter kitchenSink sink white | kitchenSmallLowerCabinet kitchen_cabinet white | kitchenIsland kitchen_cabinet white
floor childChair chair blue | green_stool stool green | decorativePlant plant green | bike bicycle blue
floor treadmill treadmill black
top beer_bottle beer_bottle brown | coffee_cup coffee_cup white | gift gift_box blue | luckyBamboo plant green
top largePan pot gray | breadBox bread_box gray | kitchenScale kitchen_scale green | coffeePress coffee_press gray
top wirelessOfficePhone3 telephone black | hamburger hamburger | spider_plant plant green
top succulentPlant plant green | toyTrain toy_train | xylophone xylophone | mp3Station radio black
top tulips flowers | campingLamp lantern green | arbolito christmas_tree white
bath modernToilet toilet white
""",
    "KatorLegaz": """
sofa mid-century-bench-sofa sofa orange
armchair chair-ottoman lounge_chair brown
chair cafe-chair folding_chair green
dining glass-dining-table table | cafe-table table gray
desk custom-desk desk brown
floor bar-stool bar_stool white | bench bench blue | painted-bench bench white
floor residential-trashcan trash_can green | bullet-trash-can trash_can white
top MIDI-keyboard keyboard black | spray-bottle spray_bottle green
""",
    "Scopia": """
sofa beige_sofa_2seats sofa white | beige_sofa sofa white | sofa_white_beige sofa | rattanSofa sofa
sofa convertible-sofa-BZ-closed sofa blue
armchair armchair1 armchair red | armchair2 armchair yellow | modern_armchair armchair blue
armchair ext_chair armchair white
bed captains-bed bed | day_bed_frame bed gray | hospital-bed bed blue | mezzanine-bed bunk_bed blue
dining table3 table yellow | table4 table brown | table-on-trestles table | round-table table gray
dining table-with-leaning-feet table brown
coffee coffee-table2 coffee_table | rattanTable coffee_table gray | living_room_table coffee_table white
desk kids_desk_table desk gray | kids_wooden_desk desk brown | wooden_office_alder_table desk brown
desk wooden_office_pear_table desk
chair chair chair black | tubular_chair chair black | kids_desk_chair office_chair white | plastic_chair chair red
chair silla_teca chair brown
tall japanese_style_screen folding_screen white
low dryer_machine dryer white | chest-freezer freezer white | changing-table changing_table white
low dressing-table dressing_table gray
floor children_chair chair brown | bar_chair bar_stool brown | kitchen_stool bar_stool white | puff bean_bag green
floor step-ladder-metal ladder gray | step-ladder-wood ladder brown | stroller stroller blue
floor tricycle tricycle green | shopping-basket basket brown | doll-house doll_house | bicycle bicycle black
floor water_cooler water_cooler white | scooter scooter gray | baby_high_chair high_chair | woman_shoes shoes black
floor mocassin shoes black | skateboard skateboard
top bowl bowl white | pottery jar blue | dvd dvd_player black | little_lamp2 lamp yellow | vase5 flowers
top table_lamp lamp white | com_bath bottle gray | com_bath2_jabon_pijo bottle white | penbox pen_holder black
top folded_clothes clothes | mini_stereo stereo | stereo_amplifier amplifier black | squeezer juicer blue
top doll doll pink | roasted-chicken roast_chicken | video-projector projector gray | casquette cap blue
top chapeau hat brown | casque helmet black | small-oven toaster_oven gray | bowlWithSalad salad_bowl brown
top deepFryerWithFrenchFries deep_fryer gray | sandwichMaker sandwich_maker black | spiceTower spice_rack gray
top kitchenKnifeStandSet knife_block brown | playstation4 game_console black | aquarium aquarium
bath bathroom_vanity bathroom_cabinet brown | double_vanity bathroom_cabinet brown | corner_bathtub bathtub white
""",
}
